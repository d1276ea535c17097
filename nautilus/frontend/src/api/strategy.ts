import * as v from "valibot";

import { ask, send } from "./answer";
import { JobSummary } from "./jobs";
import { INTERVALS, type Interval } from "./marketdata";

/** A rule to trade by, as the strategy engine knows it: its kind and its parameters. */
export interface Rule {
  kind: string;
  [parameter: string]: string | number | boolean;
}

export interface BacktestQuestion {
  rules: Rule[];
  /** The last bars that marketdata has stored. */
  bars: { symbol: string; interval: Interval; limit: number };
  cash: number;
  fee_rate: number;
  /** Of the equity curve, at most. */
  points: number;
}

const Outcome = v.object({
  rule: v.looseObject({ kind: v.string() }),
  bars: v.number(),
  fills: v.array(
    v.object({
      at: v.string(),
      side: v.picklist(["buy", "sell"]),
      quantity: v.number(),
      price: v.number(),
      fee: v.number(),
    }),
  ),
  curve: v.array(v.object({ at: v.string(), equity: v.number() })),
  final_equity: v.number(),
  total_return: v.number(),
  max_drawdown: v.number(),
});

/** How a rule did. */
export type Outcome = v.InferOutput<typeof Outcome>;

export const Outcomes = v.object({
  symbol: v.string(),
  interval: v.picklist(INTERVALS),
  outcomes: v.array(Outcome),
});

/** A back-test's result: each rule's outcome, in the order asked for. */
export type Outcomes = v.InferOutput<typeof Outcomes>;

const BACKTESTS = "/api/engines/strategy/backtests";

/** Ask for a back-test; it is done as a job. */
export function startBacktest(question: BacktestQuestion): Promise<JobSummary> {
  return send(JobSummary, BACKTESTS, question);
}

/** The last back-tests, the newest first. */
export function fetchBacktests(signal: AbortSignal): Promise<JobSummary[]> {
  return ask(v.array(JobSummary), BACKTESTS, { signal });
}
