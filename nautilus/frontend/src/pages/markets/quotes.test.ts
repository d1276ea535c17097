import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Bar, mergeBars } from "../../api/marketdata";
import { columns } from "./candles";
import { Quotes } from "./quotes";

const at = "2026-03-02T09:30:00Z";
const bar: Bar = {
  symbol: "A",
  interval: "1d",
  at,
  open: 100,
  high: 120,
  low: 90,
  close: 110,
  volume: 7,
  ticks: 3,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("quotes", () => {
  it("are told once a frame, with the change since the day's first trade", () => {
    const quotes = new Quotes();
    const told = vi.fn();
    quotes.subscribe(told);
    quotes.takeTicks({ ticks: [{ symbol: "A", at, price: 105 }] });
    quotes.takeDays([bar, { ...bar, interval: "1m", open: 1 }]);
    quotes.takeTicks({ ticks: [{ symbol: "A", at, price: 110 }] });
    expect(quotes.snapshot().size).toBe(0);
    vi.advanceTimersToNextFrame();
    expect(told).toHaveBeenCalledTimes(1);
    const quote = quotes.snapshot().get("A");
    expect(quote).toMatchObject({ price: 110, trend: [105, 110] });
    expect(quote?.change).toBeCloseTo(0.1);
  });

  it("know no change before a bar of the day", () => {
    const quotes = new Quotes();
    quotes.takeTicks({ ticks: [{ symbol: "A", at, price: 105 }] });
    vi.advanceTimersToNextFrame();
    expect(quotes.snapshot().get("A")?.change).toBeNull();
  });
});

describe("bars", () => {
  it("that changed replace those known, and new ones follow", () => {
    const next = { ...bar, at: "2026-03-02T09:31:00Z" };
    const after = { ...bar, at: "2026-03-02T09:32:00Z" };
    const merged = mergeBars([bar, next], [{ ...next, close: 1 }, after], 2);
    expect(merged.map(({ at, close }) => [at, close])).toEqual([
      [next.at, 1],
      [after.at, 110],
    ]);
  });

  it("become columns in seconds and prices", () => {
    expect(columns([bar])).toEqual([[Date.parse(at) / 1000], [100], [120], [90], [110], [7]]);
  });
});
