import uPlot from "uplot";

import type { Outcome } from "../../api/strategy";
import type { ChartOptions } from "../../parts/Chart";
import { axis, type Colors, faded } from "../../parts/colors";
import { formatCompact, formatNumber } from "../../parts/format";

/** Columns: time, then each rule's equity. */
export function equityColumns(outcomes: Outcome[]): uPlot.AlignedData {
  return uPlot.join(
    outcomes.map(({ curve }) => [
      curve.map(({ at }) => Date.parse(at) / 1000),
      curve.map(({ equity }) => equity),
    ]),
  );
}

/** The first rule as an area, what it is compared with as dashed lines. */
export function equityChart(names: string[]): (colors: Colors) => ChartOptions {
  return (colors) => ({
    padding: [12, 8, 0, 0],
    axes: [
      axis(colors),
      { ...axis(colors), size: 72, values: (_, values) => values.map(formatCompact) },
    ],
    cursor: { y: false },
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
      ...names.map((label, place) => ({
        label,
        spanGaps: true,
        points: { show: false },
        width: 2,
        value: (_: uPlot, value: number | null) => (value == null ? "–" : formatNumber(value)),
        ...(place === 0
          ? { stroke: colors.accent, fill: faded(colors.accent, 0.12) }
          : { stroke: colors.second, dash: [6, 4] }),
      })),
    ],
  });
}
