import * as v from "valibot";

import { ask, send } from "./answer";
import type { ReturnTable } from "./marketdata";

const Weights = v.record(v.string(), v.number());

const Target = v.object({
  portfolio: v.string(),
  objective: v.string(),
  weights: Weights,
  at: v.string(),
});

/** A portfolio's target weights. */
export type Target = v.InferOutput<typeof Target>;

const FrontierPoint = v.object({
  mean_return: v.number(),
  volatility: v.number(),
  weights: Weights,
});

/** A portfolio on the frontier; its figures are those of one period. */
export type FrontierPoint = v.InferOutput<typeof FrontierPoint>;

const Frontier = v.object({
  points: v.array(FrontierPoint),
  instruments: v.array(
    v.object({ symbol: v.string(), mean_return: v.number(), volatility: v.number() }),
  ),
  periods: v.number(),
});

/** From the least volatile portfolio to the one with the highest return. */
export type Frontier = v.InferOutput<typeof Frontier>;

const PORTFOLIOS = "/api/engines/portfolio/portfolios";

/** Every portfolio with its target weights. */
export function fetchTargets(signal: AbortSignal): Promise<Target[]> {
  return ask(v.array(Target), PORTFOLIOS, { signal });
}

/** The least volatile portfolio for each return, with no weight above `upper`. */
export function fetchFrontier(
  returns: ReturnTable["returns"],
  upper: number,
  points: number,
): Promise<Frontier> {
  return send(Frontier, `${PORTFOLIOS}/frontier`, { returns, upper, points });
}
