import { Checkbox } from "@base-ui/react/checkbox";
import { CheckboxGroup } from "@base-ui/react/checkbox-group";

interface Props {
  label: string;
  options: readonly string[];
  value: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** Any of several, all in sight. */
export function Several({ label, options, value, onChange }: Props) {
  return (
    <div className="field several">
      <span className="field-label" aria-hidden>
        {label}
      </span>
      <CheckboxGroup
        className="checks"
        aria-label={label}
        value={[...value]}
        onValueChange={onChange}
      >
        {options.map((option) => (
          <label key={option} className="check">
            <Checkbox.Root value={option} className="box">
              <Checkbox.Indicator className="tick" aria-hidden>
                ✓
              </Checkbox.Indicator>
            </Checkbox.Root>
            {option}
          </label>
        ))}
      </CheckboxGroup>
    </div>
  );
}
