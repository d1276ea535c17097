import * as v from "valibot";

import { ask, send } from "./answer";

const Limits = v.object({
  portfolio: v.string(),
  max_order_notional: v.nullable(v.number()),
  max_position_notional: v.nullable(v.number()),
  max_gross_notional: v.nullable(v.number()),
  max_leverage: v.nullable(v.number()),
});

/** A portfolio's limits; null does not bind. */
export type Limits = v.InferOutput<typeof Limits>;

export const Breach = v.object({
  id: v.string(),
  at: v.string(),
  portfolio: v.string(),
  order: v.object({
    symbol: v.string(),
    side: v.picklist(["buy", "sell"]),
    quantity: v.number(),
    price: v.number(),
  }),
  excesses: v.array(v.object({ limit: v.string(), value: v.number(), threshold: v.number() })),
  /** Why it could not be judged, where no limit is exceeded. */
  reason: v.nullish(v.string()),
});

/** An order that was refused; `id` is its place in the stream. */
export type Breach = v.InferOutput<typeof Breach>;

export const METHODS = ["historical", "parametric", "monte_carlo"] as const;

export type Method = (typeof METHODS)[number];

const Losses = v.object({
  method: v.picklist(METHODS),
  confidence: v.number(),
  horizon_periods: v.number(),
  value_at_risk: v.number(),
  expected_shortfall: v.number(),
  scenarios: v.number(),
});

/** Losses as fractions of the portfolio's value over the horizon. */
export type Losses = v.InferOutput<typeof Losses>;

const RISK = "/api/engines/risk/risk";

/** Every portfolio's limits. */
export function fetchLimits(signal: AbortSignal): Promise<Limits[]> {
  return ask(v.array(Limits), `${RISK}/limits`, { signal });
}

/** The last refused orders, the newest first. */
export function fetchBreaches(count: number, signal: AbortSignal): Promise<Breach[]> {
  return ask(v.array(Breach), `${RISK}/breaches?count=${count}`, { signal });
}

export interface LossesQuestion {
  /** A row a period, a column an instrument. */
  returns: number[][];
  weights: number[];
  method: Method;
  confidence: number;
  horizon_periods: number;
}

/** Value at risk and expected shortfall. */
export function fetchLosses(question: LossesQuestion): Promise<Losses> {
  return send(Losses, `${RISK}/var`, question);
}
