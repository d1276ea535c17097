import type { Rule } from "../../api/strategy";

interface Parameter {
  name: string;
  label: string;
  first: number;
  min: number;
  max: number;
  step?: number;
}

interface Kind {
  label: string;
  about: string;
  parameters: Parameter[];
}

const period = (name: string, label: string, first: number): Parameter => {
  return { name, label, first, min: 2, max: 1_000 };
};

/** The rules that can be tried on prices alone, by their kind. */
export const KINDS: Record<string, Kind> = {
  ema_cross: {
    label: "Moving averages that cross",
    about: "Long while the fast exponential mean is at or above the slow one.",
    parameters: [period("fast", "Fast, bars", 10), period("slow", "Slow, bars", 20)],
  },
  rsi_reversion: {
    label: "Relative strength that reverts",
    about: "Buys what fell too fast, until its relative strength is at 50 again.",
    parameters: [
      period("period", "Period, bars", 14),
      { name: "oversold", label: "Oversold at", first: 30, min: 1, max: 49 },
    ],
  },
  bollinger_reversion: {
    label: "Bollinger bands that revert",
    about: "Buys what closes below the lower band, until it is at the mean again.",
    parameters: [
      period("period", "Period, bars", 20),
      { name: "deviations", label: "Deviations", first: 2, min: 0.25, max: 5, step: 0.25 },
    ],
  },
};

export const HOLD: Rule = { kind: "buy_and_hold" };

/** A rule of a kind, with its first parameters. */
export function firstRule(kind: string): Rule {
  const parameters = KINDS[kind]?.parameters ?? [];
  return { kind, ...Object.fromEntries(parameters.map(({ name, first }) => [name, first])) };
}

/** A kind's name for people; one that this page does not know keeps its own. */
export function ruleLabel(kind: string): string {
  return kind === HOLD.kind ? "Buy and hold" : (KINDS[kind]?.label ?? kind.replaceAll("_", " "));
}
