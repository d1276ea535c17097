import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { fetchTargets, type Target } from "../../api/portfolio";
import { BarLength } from "../../parts/BarLength";
import { Nothing } from "../../parts/Notice";
import { NumberInput } from "../../parts/NumberInput";
import { OneOf } from "../../parts/OneOf";
import { Answered, Panel } from "../../parts/Panel";
import { LossTable } from "./LossTable";
import { LEAST_PERIODS, type Question, useLosses } from "./useLosses";

const START: Question = { interval: "5s", confidence: 0.99, horizon: 1 };

/** What a portfolio with its target weights could lose, by three methods. */
export function LossesPanel() {
  const targets = useQuery({
    queryKey: ["targets"],
    queryFn: ({ signal }) => fetchTargets(signal),
    refetchInterval: 15_000,
  });
  return (
    <Panel title="Value at risk">
      <Answered query={targets} label="portfolios">
        {(found) =>
          found.length === 0 ? (
            <Nothing title="No portfolio has weights yet">
              <p>The portfolio engine keeps a portfolio's weights once it was optimized.</p>
            </Nothing>
          ) : (
            <Portfolios targets={found} />
          )
        }
      </Answered>
    </Panel>
  );
}

function Portfolios({ targets }: { targets: Target[] }) {
  const [name, setName] = useState(targets[0]?.portfolio ?? "");
  const [question, setQuestion] = useState(START);
  const target = targets.find(({ portfolio }) => portfolio === name) ?? (targets[0] as Target);
  const losses = useLosses(target.weights, question);
  const change = (part: Partial<Question>) => setQuestion((former) => ({ ...former, ...part }));
  return (
    <>
      <div className="fields">
        <OneOf
          label="Portfolio"
          options={targets.map(({ portfolio }) => portfolio)}
          value={target.portfolio}
          onChange={setName}
        />
        <BarLength
          caption="A period is a bar of"
          value={question.interval}
          onChange={(interval) => change({ interval })}
        />
        <NumberInput
          label="Confidence, %"
          value={question.confidence * 100}
          min={50}
          max={99.9}
          step={0.5}
          onChange={(percent) => change({ confidence: percent / 100 })}
        />
        <NumberInput
          label="Horizon, periods"
          value={question.horizon}
          min={1}
          max={60}
          onChange={(horizon) => change({ horizon })}
        />
      </div>
      <Answered query={losses} label="value at risk">
        {({ losses: found, periods }) =>
          found === null ? (
            <Nothing title={`Its instruments have ${periods} periods in common`}>
              <p>This needs {LEAST_PERIODS} beyond the horizon: choose shorter bars.</p>
            </Nothing>
          ) : (
            <LossTable losses={found} periods={periods} />
          )
        }
      </Answered>
    </>
  );
}
