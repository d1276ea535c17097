import { useQuery } from "@tanstack/react-query";

import { fetchLimits, type Limits } from "../../api/risk";
import { formatCompact, formatNumber } from "../../parts/format";
import { Nothing } from "../../parts/Notice";
import { Answered, Panel } from "../../parts/Panel";
import { Scroll } from "../../parts/Scroll";

const COLUMNS = [
  ["Order", "max_order_notional"],
  ["Position", "max_position_notional"],
  ["Gross", "max_gross_notional"],
  ["Leverage", "max_leverage"],
] as const;

/** Every portfolio's pre-trade limits. */
export function LimitsPanel() {
  const query = useQuery({
    queryKey: ["limits"],
    queryFn: ({ signal }) => fetchLimits(signal),
    refetchInterval: 15_000,
  });
  return (
    <Panel title="Limits">
      <Answered query={query} label="limits">
        {(limits) =>
          limits.length === 0 ? (
            <Nothing title="No portfolio has limits">
              <p>
                Without them no order passes. <code>POST /api/engines/risk/risk/limits</code> sets
                them.
              </p>
            </Nothing>
          ) : (
            <LimitTable limits={limits} />
          )
        }
      </Answered>
    </Panel>
  );
}

function LimitTable({ limits }: { limits: Limits[] }) {
  return (
    <Scroll label="Every portfolio's limits">
      <table>
        <thead>
          <tr>
            <th scope="col">Portfolio</th>
            {COLUMNS.map(([name]) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {limits.map((each) => (
            <tr key={each.portfolio}>
              <th scope="row">{each.portfolio}</th>
              {COLUMNS.map(([name, key]) => (
                <td key={name} className="number">
                  {shown(key, each[key])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function shown(key: (typeof COLUMNS)[number][1], limit: number | null): string {
  if (limit === null) {
    return "–";
  }
  return key === "max_leverage" ? `${formatNumber(limit)} ×` : formatCompact(limit);
}
