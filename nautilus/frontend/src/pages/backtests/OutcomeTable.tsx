import type { Outcome } from "../../api/strategy";
import { formatNumber, formatSignedPercent } from "../../parts/format";
import { Scroll } from "../../parts/Scroll";
import { ruleLabel } from "./rules";

/** The rules side by side. */
export function OutcomeTable({ outcomes }: { outcomes: Outcome[] }) {
  return (
    <Scroll label="Rules side by side">
      <table>
        <thead>
          <tr>
            <th scope="col">Rule</th>
            {["Return", "Drawdown", "Orders", "Fees"].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {outcomes.map(({ rule, total_return, max_drawdown, fills }) => (
            <tr key={rule.kind}>
              <th scope="row">{ruleLabel(rule.kind)}</th>
              <td className={`number ${total_return < 0 ? "bad" : "good"}`}>
                {formatSignedPercent(total_return)}
              </td>
              <td className="number">{formatSignedPercent(-Math.abs(max_drawdown))}</td>
              <td className="number">{formatNumber(fills.length)}</td>
              <td className="number">
                {formatNumber(fills.reduce((sum, { fee }) => sum + fee, 0))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
