import * as v from "valibot";

import { ask } from "./answer";

export const INTERVALS = ["1s", "5s", "1m", "5m", "15m", "1h", "1d"] as const;

export type Interval = (typeof INTERVALS)[number];

export const Bar = v.object({
  symbol: v.string(),
  interval: v.picklist(INTERVALS),
  at: v.string(),
  open: v.number(),
  high: v.number(),
  low: v.number(),
  close: v.number(),
  volume: v.number(),
  ticks: v.number(),
});

/** Open, high, low, close and volume of an interval that begins at `at`. */
export type Bar = v.InferOutput<typeof Bar>;

const Instrument = v.object({
  symbol: v.string(),
  ticks: v.number(),
  last_at: v.string(),
  last_price: v.number(),
});

/** An instrument with its last trade. */
export type Instrument = v.InferOutput<typeof Instrument>;

const MARKETDATA = "/api/engines/marketdata";

/** Every instrument that ever traded, by name. */
export function fetchInstruments(signal: AbortSignal): Promise<Instrument[]> {
  return ask(v.array(Instrument), `${MARKETDATA}/symbols`, { signal });
}

/** An instrument's last bars, oldest first. */
export function fetchBars(
  symbol: string,
  interval: Interval,
  limit: number,
  signal: AbortSignal,
): Promise<Bar[]> {
  const path = `${MARKETDATA}/data/${encodeURIComponent(symbol)}`;
  return ask(v.array(Bar), `${path}?interval=${interval}&limit=${limit}`, { signal });
}

/** Bars that changed, taken over into bars that are known; both oldest first. */
export function mergeBars(known: Bar[], changed: Bar[], limit: number): Bar[] {
  const byStart = new Map(known.map((bar) => [bar.at, bar]));
  for (const bar of changed) {
    byStart.set(bar.at, bar);
  }
  return [...byStart.values()]
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
    .slice(-limit);
}

const ReturnTable = v.object({
  interval: v.picklist(INTERVALS),
  at: v.array(v.string()),
  returns: v.record(v.string(), v.array(v.number())),
});

/** Several instruments' returns over the periods that all of them traded in, oldest first. */
export type ReturnTable = v.InferOutput<typeof ReturnTable>;

/** The last returns that the instruments have in common. */
export function fetchReturns(
  symbols: string[],
  interval: Interval,
  periods: number,
  signal: AbortSignal,
): Promise<ReturnTable> {
  const query = new URLSearchParams(symbols.map((symbol) => ["symbols", symbol]));
  query.set("interval", interval);
  query.set("periods", String(periods));
  return ask(ReturnTable, `${MARKETDATA}/returns?${query}`, { signal });
}
