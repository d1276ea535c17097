import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { fetchInstruments, fetchReturns, type Interval } from "../../api/marketdata";
import { fetchFrontier } from "../../api/portfolio";

const PERIODS = 500;
const POINTS = 25;
/** Fewer periods say nothing of a covariance. */
export const LEAST_PERIODS = 20;
const FIRST_CHOICE = 6;

export interface Question {
  /** Null as long as nobody chose: then the first ones. */
  symbols: string[] | null;
  interval: Interval;
  /** The largest weight, a fraction. */
  upper: number;
}

/** The instruments, those chosen, and their frontier: null of too few periods. */
export function useFrontier({ symbols, interval, upper }: Question) {
  const instruments = useQuery({
    queryKey: ["instruments"],
    queryFn: ({ signal }) => fetchInstruments(signal),
  });
  const names = instruments.data?.map(({ symbol }) => symbol) ?? [];
  const chosen = symbols ?? names.slice(0, FIRST_CHOICE);
  const possible = chosen.length > 1 && upper * chosen.length >= 1;
  const frontier = useQuery({
    queryKey: ["frontier", chosen, interval, upper],
    queryFn: async ({ signal }) => {
      const { at, returns } = await fetchReturns(chosen, interval, PERIODS, signal);
      const periods = at.length;
      const enough = periods >= LEAST_PERIODS;
      return { periods, frontier: enough ? await fetchFrontier(returns, upper, POINTS) : null };
    },
    enabled: possible,
    // Meanwhile the former frontier stays in sight.
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  return { instruments, names, chosen, possible, frontier };
}
