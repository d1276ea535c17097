import * as v from "valibot";

import { Bar } from "../../api/marketdata";

const TREND_LENGTH = 120;

export const TickBatch = v.object({
  ticks: v.array(v.object({ symbol: v.string(), at: v.string(), price: v.number() })),
});
export const BarBatch = v.object({ bars: v.array(Bar) });

/** An instrument as it trades now. */
export interface Quote {
  price: number;
  at: string;
  /** Since the day's first trade (UTC); null until a bar of the day has come. */
  change: number | null;
  trend: number[];
}

/** Last prices from the stream, shown at most once a frame however many come. */
export class Quotes {
  #quotes: ReadonlyMap<string, Quote> = new Map();
  readonly #dayOpens = new Map<string, number>();
  readonly #pending = new Map<string, Quote>();
  readonly #listeners = new Set<() => void>();
  #frame: number | null = null;

  readonly snapshot = () => this.#quotes;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  takeTicks(batch: unknown): void {
    for (const { symbol, at, price } of v.parse(TickBatch, batch).ticks) {
      const known = this.#pending.get(symbol) ?? this.#quotes.get(symbol);
      const open = this.#dayOpens.get(symbol);
      this.#pending.set(symbol, {
        price,
        at,
        change: open === undefined ? null : price / open - 1,
        trend: [...(known?.trend ?? []), price].slice(-TREND_LENGTH),
      });
    }
    this.#frame ??= requestAnimationFrame(() => this.#publish());
  }

  takeDays(bars: Bar[]): void {
    for (const bar of bars) {
      if (bar.interval === "1d") {
        this.#dayOpens.set(bar.symbol, bar.open);
      }
    }
  }

  #publish(): void {
    this.#frame = null;
    this.#quotes = new Map([...this.#quotes, ...this.#pending]);
    this.#pending.clear();
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
