import { Select } from "@base-ui/react/select";

interface Props {
  label: string;
  options: readonly string[];
  /** An option as people know it; else as it is. */
  name?: (option: string) => string;
  value: string | null;
  onChange: (chosen: string) => void;
}

/** One of many, in a list that opens; typing a name finds it. */
export function OneOf({ label, options, name = (option) => option, value, onChange }: Props) {
  return (
    <div className="field">
      <Select.Root
        value={value}
        items={options.map((option) => ({ label: name(option), value: option }))}
        onValueChange={(chosen) => chosen !== null && onChange(chosen)}
      >
        <Select.Label className="field-label">{label}</Select.Label>
        <Select.Trigger className="control select">
          <Select.Value placeholder="Choose …" />
          <Select.Icon aria-hidden>▾</Select.Icon>
        </Select.Trigger>
        <Select.Portal>
          <Select.Positioner sideOffset={4} alignItemWithTrigger={false} className="popup-place">
            <Select.Popup className="popup">
              <Select.List>
                {options.map((option) => (
                  <Select.Item key={option} value={option} className="popup-item">
                    <Select.ItemText>{name(option)}</Select.ItemText>
                    <Select.ItemIndicator aria-hidden>✓</Select.ItemIndicator>
                  </Select.Item>
                ))}
              </Select.List>
            </Select.Popup>
          </Select.Positioner>
        </Select.Portal>
      </Select.Root>
    </div>
  );
}
