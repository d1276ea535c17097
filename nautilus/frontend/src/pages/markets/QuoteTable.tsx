import type { Instrument } from "../../api/marketdata";
import { formatPrice, formatSignedPercent, formatTime } from "../../parts/format";
import { Scroll } from "../../parts/Scroll";
import type { Quote } from "./quotes";
import { Trend } from "./Trend";

interface Props {
  instruments: Instrument[];
  quotes: ReadonlyMap<string, Quote>;
  chosen: string | null;
  choose: (symbol: string) => void;
}

/** Every instrument with its last price, live where it trades. */
export function QuoteTable({ instruments, quotes, chosen, choose }: Props) {
  return (
    <Scroll label="Instruments">
      <table className="quotes">
        <thead>
          <tr>
            <th scope="col">Instrument</th>
            <th scope="col" className="number">
              Price
            </th>
            <th scope="col" className="number">
              Today
            </th>
            <th scope="col">Trend</th>
            <th scope="col" className="number roomy">
              Last trade
            </th>
          </tr>
        </thead>
        <tbody>
          {instruments.map((instrument) => (
            <Line
              key={instrument.symbol}
              instrument={instrument}
              quote={quotes.get(instrument.symbol)}
              chosen={instrument.symbol === chosen}
              choose={choose}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface LineProps extends Pick<Props, "choose"> {
  instrument: Instrument;
  quote: Quote | undefined;
  chosen: boolean;
}

function Line({ instrument, quote, chosen, choose }: LineProps) {
  const { symbol } = instrument;
  const change = quote?.change ?? null;
  return (
    <tr className={chosen ? "chosen" : undefined}>
      <th scope="row">
        <button
          type="button"
          className="symbol"
          aria-pressed={chosen}
          onClick={() => choose(symbol)}
        >
          {symbol}
        </button>
      </th>
      <td className="number">{formatPrice(quote?.price ?? instrument.last_price)}</td>
      <td className={`number ${change === null || change === 0 ? "" : change > 0 ? "good" : "bad"}`}>
        {change === null ? "–" : formatSignedPercent(change)}
      </td>
      <td>
        <Trend prices={quote?.trend ?? []} />
      </td>
      <td className="number roomy">{formatTime(quote?.at ?? instrument.last_at)}</td>
    </tr>
  );
}
