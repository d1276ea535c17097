import "./backtests.css";

import { reasonOf } from "../../api/answer";
import { Nothing, Trouble } from "../../parts/Notice";
import { Answered, Panel } from "../../parts/Panel";
import { BacktestForm } from "./BacktestForm";
import { History } from "./History";
import { JobView } from "./JobView";
import { useBacktest } from "./useBacktest";

/** Try a rule on the past, and see what came of it. */
export function Page() {
  const { instruments, history, shown, show, job, start, busy } = useBacktest();
  return (
    <>
      <Panel title="A rule on the past">
        <Answered query={instruments} label="instruments">
          {(found) =>
            found.length === 0 ? (
              <Nothing title="Nothing has traded yet">
                <p>
                  Send ticks to the marketdata engine, or start its simulator:{" "}
                  <code>make demo-data</code>.
                </p>
              </Nothing>
            ) : (
              <BacktestForm
                symbols={found.map(({ symbol }) => symbol)}
                busy={busy}
                start={start.mutate}
              />
            )
          }
        </Answered>
        {start.isError && <Trouble>The test was not taken: {reasonOf(start.error)}.</Trouble>}
      </Panel>
      {shown !== null && (
        <Answered query={job} label="back-test">
          {(found) => <JobView job={found} />}
        </Answered>
      )}
      <Panel title="Back-tests so far">
        <Answered query={history} label="back-tests">
          {(jobs) =>
            jobs.length === 0 ? (
              <Nothing title="No back-test was run yet" />
            ) : (
              <History jobs={jobs} shown={shown} show={show} />
            )
          }
        </Answered>
      </Panel>
    </>
  );
}
