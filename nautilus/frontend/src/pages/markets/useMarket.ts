import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";
import * as v from "valibot";

import {
  type Bar,
  fetchBars,
  fetchInstruments,
  type Interval,
  mergeBars,
} from "../../api/marketdata";
import { useLiveQuery } from "../../api/useLiveQuery";
import { useStream } from "../../api/useStream";
import { BarBatch, Quotes } from "./quotes";

const SHOWN_BARS = 240;
const TOPICS = ["ticks", "bars"];

/** The instruments with their live quotes, and one instrument's live bars. */
export function useMarket(chosen: string | null, interval: Interval) {
  const queries = useQueryClient();
  const [quotes] = useState(() => new Quotes());
  const instruments = useQuery({
    queryKey: ["instruments"],
    queryFn: ({ signal }) => fetchInstruments(signal),
    // Until something trades; what trades then is told by the stream.
    refetchInterval: (query) => (query.state.data?.length ? 60_000 : 3_000),
  });
  const symbol = chosen ?? instruments.data?.[0]?.symbol ?? null;
  const bars = useLiveQuery<Bar[]>({
    key: ["bars", symbol, interval],
    ask: (signal) => fetchBars(symbol ?? "", interval, SHOWN_BARS, signal),
    enabled: symbol !== null,
  });

  const stream = useStream(TOPICS, {
    onMessage: (topic, data) => {
      if (topic === "ticks") {
        quotes.takeTicks(data);
        return;
      }
      const changed = v.parse(BarBatch, data).bars;
      quotes.takeDays(changed);
      const ours = changed.filter((bar) => bar.symbol === symbol && bar.interval === interval);
      if (ours.length > 0) {
        bars.take((known) => mergeBars(known, ours, SHOWN_BARS));
      }
    },
    // What was before the first message, or got lost, is asked by HTTP.
    onStart: () => {
      bars.askAnew();
      void queries.invalidateQueries({ queryKey: ["instruments"] });
    },
  });

  const live = useSyncExternalStore(quotes.subscribe, quotes.snapshot);
  return { instruments, symbol, bars: bars.query, quotes: live, stream };
}
