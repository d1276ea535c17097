import type { Breach } from "../../api/risk";
import { formatNumber, formatPrice, formatTime } from "../../parts/format";
import { Live } from "../../parts/Live";
import { Nothing } from "../../parts/Notice";
import { Answered, Panel } from "../../parts/Panel";
import { Scroll } from "../../parts/Scroll";
import { useBreaches } from "./useBreaches";

/** The orders that were refused, live. */
export function Breaches() {
  const { breaches, stream } = useBreaches();
  return (
    <Panel title="Breaches" aside={<Live state={stream} />}>
      <Answered query={breaches} label="breaches">
        {(found) =>
          found.length === 0 ? (
            <Nothing title="No order was refused" />
          ) : (
            <BreachTable breaches={found} />
          )
        }
      </Answered>
    </Panel>
  );
}

function BreachTable({ breaches }: { breaches: Breach[] }) {
  return (
    <Scroll label="Refused orders" tall>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Portfolio</th>
            <th scope="col">Order</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {breaches.map((breach) => (
            <tr key={breach.id}>
              <td className="number left">{formatTime(breach.at)}</td>
              <th scope="row">{breach.portfolio}</th>
              <td className="nowrap">
                {breach.order.side} {formatNumber(breach.order.quantity)} {breach.order.symbol} at{" "}
                {formatPrice(breach.order.price)}
              </td>
              <td className="words">{reasons(breach)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** What the order would break, in words. */
export function reasons({ excesses, reason }: Pick<Breach, "excesses" | "reason">): string {
  const broken = excesses.map(
    ({ limit, value, threshold }) =>
      `${limit.replace("max_", "").replace("_", " ")} ` +
      `${formatNumber(value)} is over ${formatNumber(threshold)}`,
  );
  return broken.join("; ") || (reason ?? "not said");
}
