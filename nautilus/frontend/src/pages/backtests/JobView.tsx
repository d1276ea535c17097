import { Progress } from "@base-ui/react/progress";
import * as v from "valibot";

import { isOver, type Job } from "../../api/jobs";
import { Outcomes } from "../../api/strategy";
import { Trouble } from "../../parts/Notice";
import { Panel } from "../../parts/Panel";
import { OutcomesView } from "./OutcomesView";

/** A back-test as it stands: how far it is, why it failed, or what came out. */
export function JobView({ job }: { job: Job }) {
  if (!isOver(job)) {
    return (
      <Panel title="Testing">
        <Progress.Root value={Math.round(job.progress * 100)} className="progress">
          <Progress.Label className="quiet">
            {job.state === "queued" ? "Waiting for a free worker" : job.note || "Running"}
          </Progress.Label>
          <Progress.Value className="number" />
          <Progress.Track className="progress-track">
            <Progress.Indicator className="progress-done" />
          </Progress.Track>
        </Progress.Root>
      </Panel>
    );
  }
  if (job.state !== "done") {
    return <Trouble>The test {job.state === "failed" ? `failed: ${job.error}` : "was cancelled"}.</Trouble>;
  }
  const result = v.safeParse(Outcomes, job.result);
  if (!result.success) {
    return <Trouble>The result has an unexpected form: {result.issues[0].message}.</Trouble>;
  }
  return <OutcomesView result={result.output} />;
}
