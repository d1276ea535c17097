import { NumberField } from "@base-ui/react/number-field";
import { useId } from "react";

interface Props {
  label: string;
  value: number;
  onChange: (value: number) => void;
  min?: number;
  max?: number;
  step?: number;
}

/** A number within its bounds; arrow keys step it. */
export function NumberInput({ label, value, onChange, min, max, step = 1 }: Props) {
  const id = useId();
  return (
    <NumberField.Root
      id={id}
      className="field"
      value={value}
      min={min}
      max={max}
      step={step}
      format={{ maximumFractionDigits: 6, useGrouping: false }}
      // An emptied field keeps the last number.
      onValueChange={(entered) => entered !== null && onChange(entered)}
    >
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <NumberField.Group className="number-group">
        <NumberField.Decrement className="step" aria-label={`Less ${label}`}>
          −
        </NumberField.Decrement>
        <NumberField.Input className="control number" />
        <NumberField.Increment className="step" aria-label={`More ${label}`}>
          +
        </NumberField.Increment>
      </NumberField.Group>
    </NumberField.Root>
  );
}
