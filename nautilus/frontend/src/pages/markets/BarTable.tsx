import { Collapsible } from "@base-ui/react/collapsible";

import type { Bar } from "../../api/marketdata";
import { formatCompact, formatPrice } from "../../parts/format";
import { Scroll } from "../../parts/Scroll";

const LINES = 20;

/** The chart's last bars in figures. */
export function BarTable({ bars }: { bars: Bar[] }) {
  return (
    <Collapsible.Root>
      <Collapsible.Trigger className="button subtle">The last bars as a table</Collapsible.Trigger>
      <Collapsible.Panel>
        <Scroll label="Last bars">
          <table>
            <thead>
              <tr>
                <th scope="col">Begins</th>
                {["Open", "High", "Low", "Close", "Volume"].map((name) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {bars
                .slice(-LINES)
                .toReversed()
                .map((bar) => (
                  <tr key={bar.at}>
                    <th scope="row">{new Date(bar.at).toLocaleString()}</th>
                    <td className="number">{formatPrice(bar.open)}</td>
                    <td className="number">{formatPrice(bar.high)}</td>
                    <td className="number">{formatPrice(bar.low)}</td>
                    <td className="number">{formatPrice(bar.close)}</td>
                    <td className="number">{formatCompact(bar.volume)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </Scroll>
      </Collapsible.Panel>
    </Collapsible.Root>
  );
}
