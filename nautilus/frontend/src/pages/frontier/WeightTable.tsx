import { formatPercent } from "../../parts/format";
import { Scroll } from "../../parts/Scroll";

const NOTHING = 5e-5;

/** The weights of a portfolio, the largest first; what rounds to nothing is left out. */
export function WeightTable({ weights }: { weights: Record<string, number> }) {
  const held = Object.entries(weights)
    .filter(([, weight]) => Math.abs(weight) >= NOTHING)
    .sort(([, one], [, other]) => other - one);
  return (
    <Scroll label="Weights">
      <table className="weights">
        <thead>
          <tr>
            <th scope="col">Instrument</th>
            <th scope="col" className="number">
              Weight
            </th>
            <td aria-hidden />
          </tr>
        </thead>
        <tbody>
          {held.map(([symbol, weight]) => (
            <tr key={symbol}>
              <th scope="row">{symbol}</th>
              <td className="number">{formatPercent(weight)}</td>
              <td aria-hidden className="share">
                <span style={{ width: `${Math.abs(weight) * 100}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
