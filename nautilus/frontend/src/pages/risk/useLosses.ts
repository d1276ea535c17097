import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { fetchReturns, type Interval } from "../../api/marketdata";
import { fetchLosses, METHODS } from "../../api/risk";

const PERIODS = 500;
export const LEAST_PERIODS = 20;

export interface Question {
  interval: Interval;
  confidence: number;
  /** In periods. */
  horizon: number;
}

/** A portfolio's losses by every method; null of too few periods. */
export function useLosses(weights: Record<string, number>, question: Question) {
  const { interval, confidence, horizon } = question;
  const symbols = Object.keys(weights);
  return useQuery({
    queryKey: ["losses", weights, question],
    queryFn: async ({ signal }) => {
      const { at, returns } = await fetchReturns(symbols, interval, PERIODS, signal);
      if (at.length < LEAST_PERIODS + horizon) {
        return { periods: at.length, losses: null };
      }
      const asked = {
        returns: at.map((_, period) => symbols.map((symbol) => returns[symbol]?.[period] ?? 0)),
        weights: symbols.map((symbol) => weights[symbol] ?? 0),
        confidence,
        horizon_periods: horizon,
      };
      const losses = await Promise.all(METHODS.map((method) => fetchLosses({ ...asked, method })));
      return { periods: at.length, losses };
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
}
