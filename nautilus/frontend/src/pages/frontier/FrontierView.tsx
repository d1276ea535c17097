import { Slider } from "@base-ui/react/slider";
import { useMemo, useState } from "react";

import type { Frontier, FrontierPoint } from "../../api/portfolio";
import { Chart } from "../../parts/Chart";
import { Figures } from "../../parts/Figures";
import { formatRatio, formatSmallPercent } from "../../parts/format";
import { Panel } from "../../parts/Panel";
import { frontierChart, frontierColumns } from "./frontierChart";
import { WeightTable } from "./WeightTable";

/** The frontier, and the portfolio at one of its points. */
export function FrontierView({ frontier }: { frontier: Frontier }) {
  const [place, setPlace] = useState(0);
  const last = frontier.points.length - 1;
  const point = frontier.points[Math.min(place, last)] as FrontierPoint;
  const options = useMemo(() => frontierChart(frontier), [frontier]);
  const data = useMemo(() => frontierColumns(frontier, point), [frontier, point]);
  return (
    <div className="columns frontier">
      <Panel
        title="Efficient frontier"
        aside={<p className="quiet">over {frontier.periods} periods</p>}
      >
        <Chart label={describe(frontier)} data={data} options={options} height={400} />
      </Panel>
      <Panel title="A portfolio on it">
        <Slider.Root value={place} onValueChange={setPlace} max={last}>
          <Slider.Control className="slider-control">
            <Slider.Track className="slider-track">
              <Slider.Indicator className="slider-filled" />
              <Slider.Thumb
                className="slider-thumb"
                aria-label="Place on the frontier"
                getAriaValueText={() =>
                  `volatility ${formatSmallPercent(point.volatility)}, ` +
                  `mean return ${formatSmallPercent(point.mean_return)}`
                }
              />
            </Slider.Track>
          </Slider.Control>
          <div className="slider-ends" aria-hidden>
            <span>least volatile</span>
            <span>highest return</span>
          </div>
        </Slider.Root>
        <Figures
          figures={[
            { name: "Mean return", value: formatSmallPercent(point.mean_return) },
            { name: "Volatility", value: formatSmallPercent(point.volatility) },
            { name: "Return / volatility", value: ratio(point) },
          ]}
        />
        <WeightTable weights={point.weights} />
      </Panel>
    </div>
  );
}

function ratio({ mean_return, volatility }: FrontierPoint): string {
  return volatility > 0 ? formatRatio(mean_return / volatility) : "–";
}

function describe({ points, instruments }: Frontier): string {
  const [calmest, best] = [points[0], points.at(-1)].map(
    (point) =>
      `${formatSmallPercent(point?.volatility ?? 0)} for ${formatSmallPercent(point?.mean_return ?? 0)}`,
  );
  return `The frontier of ${instruments.length} instruments: from a volatility of ${calmest} to ${best}`;
}
