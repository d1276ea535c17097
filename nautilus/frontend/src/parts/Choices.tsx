import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";

interface Props<Option extends string> {
  label: string;
  options: readonly Option[];
  value: Option;
  onChange: (chosen: Option) => void;
}

/** One of a few, all in sight: arrow keys walk, Space or Enter chooses. */
export function Choices<Option extends string>({ label, options, value, onChange }: Props<Option>) {
  return (
    <ToggleGroup
      className="choices"
      aria-label={label}
      value={[value]}
      onValueChange={([chosen]) => {
        // Pressing the chosen one again would leave none.
        if (chosen !== undefined) {
          onChange(chosen as Option);
        }
      }}
    >
      {options.map((option) => (
        <Toggle key={option} value={option} className="choice">
          {option}
        </Toggle>
      ))}
    </ToggleGroup>
  );
}
