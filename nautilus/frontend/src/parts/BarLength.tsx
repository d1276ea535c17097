import { INTERVALS, type Interval } from "../api/marketdata";
import { Choices } from "./Choices";

interface Props {
  /** What stands above it; without one it is in a panel whose title says it. */
  caption?: string;
  value: Interval;
  onChange: (chosen: Interval) => void;
}

/** How long a bar is. */
export function BarLength({ caption, value, onChange }: Props) {
  const choices = <Choices label="Bar length" options={INTERVALS} value={value} onChange={onChange} />;
  if (caption === undefined) {
    return choices;
  }
  return (
    <div className="field">
      <span className="field-label" aria-hidden>
        {caption}
      </span>
      {choices}
    </div>
  );
}
