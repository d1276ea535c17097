import { useMemo } from "react";

import type { Outcome, Outcomes } from "../../api/strategy";
import { Chart } from "../../parts/Chart";
import { Figures } from "../../parts/Figures";
import { formatNumber, formatSignedPercent } from "../../parts/format";
import { Nothing } from "../../parts/Notice";
import { Panel } from "../../parts/Panel";
import { equityChart, equityColumns } from "./equityChart";
import { OutcomeTable } from "./OutcomeTable";
import { ruleLabel } from "./rules";

/** What came out: the rule's equity beside that of holding. */
export function OutcomesView({ result: { symbol, interval, outcomes } }: { result: Outcomes }) {
  const data = useMemo(() => equityColumns(outcomes), [outcomes]);
  const options = useMemo(
    () => equityChart(outcomes.map(({ rule }) => ruleLabel(rule.kind))),
    [outcomes],
  );
  const first = outcomes[0];
  if (first === undefined) {
    return <Nothing title="The test had no rules" />;
  }
  return (
    <>
      <Figures figures={figures(first)} />
      <Panel
        title={`Equity on ${symbol}`}
        aside={
          <p className="quiet">
            {formatNumber(first.bars)} bars of {interval}
          </p>
        }
      >
        <Chart label={describe(outcomes)} data={data} options={options} height={340} />
        <OutcomeTable outcomes={outcomes} />
      </Panel>
    </>
  );
}

function figures({ total_return, max_drawdown, final_equity, fills }: Outcome) {
  const tone = total_return < 0 ? ("bad" as const) : ("good" as const);
  return [
    { name: "Total return", value: formatSignedPercent(total_return), tone },
    { name: "Deepest drawdown", value: formatSignedPercent(-Math.abs(max_drawdown)) },
    { name: "Equity at the end", value: formatNumber(final_equity) },
    { name: "Orders", value: formatNumber(fills.length) },
  ];
}

function describe(outcomes: Outcome[]): string {
  const ends = outcomes.map(
    ({ rule, curve, final_equity }) =>
      `${ruleLabel(rule.kind)} from ${formatNumber(curve[0]?.equity ?? 0)} to ${formatNumber(final_equity)}`,
  );
  return `Equity: ${ends.join("; ")}`;
}
