import "./frontier.css";

import { useState } from "react";

import { BarLength } from "../../parts/BarLength";
import { Nothing } from "../../parts/Notice";
import { NumberInput } from "../../parts/NumberInput";
import { Answered, Panel } from "../../parts/Panel";
import { Several } from "../../parts/Several";
import { FrontierView } from "./FrontierView";
import { LEAST_PERIODS, type Question, useFrontier } from "./useFrontier";

const START: Question = { symbols: null, interval: "5s", upper: 1 };

/** The efficient frontier of the instruments that somebody chooses. */
export function Page() {
  const [question, setQuestion] = useState(START);
  const answer = useFrontier(question);
  const change = (part: Partial<Question>) => setQuestion((former) => ({ ...former, ...part }));
  return (
    <Answered query={answer.instruments} label="instruments">
      {(instruments) =>
        instruments.length < 2 ? (
          <Nothing title="A frontier needs two instruments that trade">
            <p>
              Send ticks to the marketdata engine, or start its simulator:{" "}
              <code>make demo-data</code>.
            </p>
          </Nothing>
        ) : (
          <>
            <Panel title="Universe">
              <div className="fields">
                <Several
                  label="Instruments"
                  options={answer.names}
                  value={answer.chosen}
                  onChange={(symbols) => change({ symbols })}
                />
                <BarLength
                  caption="A period is a bar of"
                  value={question.interval}
                  onChange={(interval) => change({ interval })}
                />
                <NumberInput
                  label="Largest weight, %"
                  value={Math.round(question.upper * 100)}
                  min={5}
                  max={100}
                  step={5}
                  onChange={(percent) => change({ upper: percent / 100 })}
                />
              </div>
            </Panel>
            <Drawn question={question} answer={answer} />
          </>
        )
      }
    </Answered>
  );
}

interface DrawnProps {
  question: Question;
  answer: ReturnType<typeof useFrontier>;
}

function Drawn({ question: { interval }, answer }: DrawnProps) {
  if (answer.chosen.length < 2) {
    return <Nothing title="Choose at least two instruments" />;
  }
  if (!answer.possible) {
    return (
      <Nothing title="These weights cannot add to 100 %">
        <p>Allow a larger weight, or choose more instruments.</p>
      </Nothing>
    );
  }
  return (
    <Answered query={answer.frontier} label="frontier">
      {({ frontier, periods }) =>
        frontier === null ? (
          <Nothing title={`These instruments have ${periods} periods of ${interval} in common`}>
            <p>A frontier needs {LEAST_PERIODS}: choose shorter bars, or come back later.</p>
          </Nothing>
        ) : (
          <FrontierView frontier={frontier} />
        )
      }
    </Answered>
  );
}
