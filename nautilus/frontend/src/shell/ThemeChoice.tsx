import { useState } from "react";

import { Choices } from "../parts/Choices";
import { chooseTheme, storedTheme, THEMES } from "./theme";

/** Light, dark, or as the system says. */
export function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <Choices
      label="Colors"
      options={THEMES}
      value={theme}
      onChange={(chosen) => {
        chooseTheme(chosen);
        setTheme(chosen);
      }}
    />
  );
}
