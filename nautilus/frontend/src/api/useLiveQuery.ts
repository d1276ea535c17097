import { type QueryKey, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useState } from "react";

type Change<T> = (known: T) => T;

interface Question<T> {
  key: QueryKey;
  ask: (signal: AbortSignal) => Promise<T>;
  enabled?: boolean;
}

interface LiveQuery<T> {
  query: UseQueryResult<T>;
  /** Take a message in; it must bear to be taken in twice. */
  take: (change: Change<T>) => void;
  /** Ask anew, for what was before the first message: an answer that is under way may be older. */
  askAnew: () => void;
}

/** A question's answer that messages carry on. One that comes while the answer is awaited, which may
 * have been given before it, is taken into the answer. */
export function useLiveQuery<T>({ key, ask, enabled = true }: Question<T>): LiveQuery<T> {
  const queries = useQueryClient();
  const [awaited] = useState(() => new Set<Change<T>[]>());
  const query = useQuery<T>({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const meanwhile: Change<T>[] = [];
      awaited.add(meanwhile);
      try {
        const answer = await ask(signal);
        return meanwhile.reduce<T>((known, change) => change(known), answer);
      } finally {
        awaited.delete(meanwhile);
      }
    },
    enabled,
  });

  const take = (change: Change<T>) => {
    for (const meanwhile of awaited) {
      meanwhile.push(change);
    }
    queries.setQueryData<T>(key, (known) => (known === undefined ? known : change(known)));
  };

  const askAnew = () => {
    // A first answer that is under way would be waited for, not asked for again.
    void queries
      .cancelQueries({ queryKey: key })
      .then(() => queries.invalidateQueries({ queryKey: key }));
  };

  return { query, take, askAnew };
}
