import type { Losses, Method } from "../../api/risk";
import { formatSmallPercent } from "../../parts/format";
import { Scroll } from "../../parts/Scroll";

const NAMES: Record<Method, string> = {
  historical: "Historical",
  parametric: "Normal distribution",
  monte_carlo: "Monte Carlo",
};

/** Losses side by side, as parts of the portfolio's value. */
export function LossTable({ losses, periods }: { losses: Losses[]; periods: number }) {
  return (
    <>
      <Scroll label="Losses by method">
        <table>
          <thead>
            <tr>
              <th scope="col">Method</th>
              <th scope="col" className="number">
                Value at risk
              </th>
              <th scope="col" className="number">
                Expected shortfall
              </th>
            </tr>
          </thead>
          <tbody>
            {losses.map((each) => (
              <tr key={each.method}>
                <th scope="row">{NAMES[each.method]}</th>
                <td className="number">{formatSmallPercent(each.value_at_risk)}</td>
                <td className="number">{formatSmallPercent(each.expected_shortfall)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p className="quiet">Losses of the portfolio's value, from {periods} past periods.</p>
    </>
  );
}
