import "./markets.css";
import { useMemo, useState } from "react";

import type { Bar, Interval } from "../../api/marketdata";
import { BarLength } from "../../parts/BarLength";
import { Chart } from "../../parts/Chart";
import { formatNumber, formatPrice } from "../../parts/format";
import { Live } from "../../parts/Live";
import { Nothing } from "../../parts/Notice";
import { Answered, Panel } from "../../parts/Panel";
import { BarTable } from "./BarTable";
import { candleChart, columns } from "./candles";
import { QuoteTable } from "./QuoteTable";
import { useMarket } from "./useMarket";

/** Live prices, and one instrument's bars. */
export function Page() {
  const [chosen, choose] = useState<string | null>(null);
  const [interval, setInterval] = useState<Interval>("1m");
  const market = useMarket(chosen, interval);
  return (
    <Answered query={market.instruments} label="instruments">
      {(instruments) =>
        instruments.length === 0 ? (
          <Nothing title="Nothing has traded yet">
            <p>
              Send ticks to the marketdata engine, or start its simulator:{" "}
              <code>make demo-data</code>. This page shows them as soon as they come.
            </p>
          </Nothing>
        ) : (
          <div className="columns">
            <Panel title="Prices" aside={<Live state={market.stream} />}>
              <QuoteTable
                instruments={instruments}
                quotes={market.quotes}
                chosen={market.symbol}
                choose={choose}
              />
            </Panel>
            <Panel
              title={`${market.symbol} bars`}
              className="wide"
              aside={<BarLength value={interval} onChange={setInterval} />}
            >
              <Answered query={market.bars} label="bars">
                {(bars) => <Bars symbol={market.symbol ?? ""} interval={interval} bars={bars} />}
              </Answered>
            </Panel>
          </div>
        )
      }
    </Answered>
  );
}

function Bars({ symbol, interval, bars }: { symbol: string; interval: Interval; bars: Bar[] }) {
  const data = useMemo(() => columns(bars), [bars]);
  const last = bars.at(-1);
  if (last === undefined) {
    return <Nothing title={`${symbol} has no bars of ${interval} yet`} />;
  }
  const label =
    `${bars.length} bars of ${symbol}, ${interval} each; ` +
    `the last closed at ${formatPrice(last.close)} after ${formatNumber(last.ticks)} ticks`;
  return (
    <>
      <Chart label={label} data={data} options={candleChart} height={380} />
      <BarTable bars={bars} />
    </>
  );
}
