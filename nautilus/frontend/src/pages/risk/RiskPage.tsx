import { Breaches } from "./Breaches";
import { LimitsPanel } from "./LimitsPanel";
import { LossesPanel } from "./LossesPanel";

/** What may be lost, what is allowed, and what was refused. */
export function Page() {
  return (
    <>
      <div className="columns">
        <LimitsPanel />
        <LossesPanel />
      </div>
      <Breaches />
    </>
  );
}
