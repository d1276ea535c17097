import * as v from "valibot";

import { Breach, fetchBreaches } from "../../api/risk";
import { useLiveQuery } from "../../api/useLiveQuery";
import { useStream } from "../../api/useStream";

const SHOWN = 50;
const KEY = ["breaches"];
const TOPICS = ["breaches"];

/** The last refused orders, the newest first, as they come. */
export function useBreaches() {
  const breaches = useLiveQuery({ key: KEY, ask: (signal) => fetchBreaches(SHOWN, signal) });
  const stream = useStream(TOPICS, {
    onMessage: (_, data, id) => {
      const breach = { ...v.parse(Breach, data), id };
      breaches.take((known) => withBreach(known, breach));
    },
    onStart: breaches.askAnew,
  });
  return { breaches: breaches.query, stream };
}

/** A breach before those known; one that is known already stays where it is. */
export function withBreach(known: Breach[], breach: Breach): Breach[] {
  return known.some(({ id }) => id === breach.id) ? known : [breach, ...known].slice(0, SHOWN);
}
