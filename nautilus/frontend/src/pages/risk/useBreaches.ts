import { useQuery, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { Breach, fetchBreaches } from "../../api/risk";
import { useStream } from "../../api/useStream";

const SHOWN = 50;
const KEY = ["breaches"];
const TOPICS = ["breaches"];

/** The last refused orders, the newest first, as they come. */
export function useBreaches() {
  const queries = useQueryClient();
  const breaches = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => fetchBreaches(SHOWN, signal),
  });
  const stream = useStream(TOPICS, {
    onMessage: (_, data, id) => {
      const breach = { ...v.parse(Breach, data), id };
      queries.setQueryData<Breach[]>(KEY, (known) => known && withBreach(known, breach));
    },
    onStart: () => void queries.invalidateQueries({ queryKey: KEY }),
  });
  return { breaches, stream };
}

/** A breach before those known; one that is known already stays where it is. */
export function withBreach(known: Breach[], breach: Breach): Breach[] {
  return known.some(({ id }) => id === breach.id) ? known : [breach, ...known].slice(0, SHOWN);
}
