import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { fetchJob, isOver } from "../../api/jobs";
import { fetchInstruments } from "../../api/marketdata";
import { fetchBacktests, startBacktest } from "../../api/strategy";

const PROGRESS_MS = 500;
const HISTORY_MS = 5_000;
const HISTORY = ["backtests"];

/** Back-tests: those that were, the one that is shown, and how to start another. */
export function useBacktest() {
  const queries = useQueryClient();
  const [shown, show] = useState<string | null>(null);
  const instruments = useQuery({
    queryKey: ["instruments"],
    queryFn: ({ signal }) => fetchInstruments(signal),
  });
  const history = useQuery({
    queryKey: HISTORY,
    queryFn: ({ signal }) => fetchBacktests(signal),
    refetchInterval: HISTORY_MS,
  });
  const job = useQuery({
    queryKey: ["job", shown],
    queryFn: ({ signal }) => fetchJob(shown ?? "", signal),
    enabled: shown !== null,
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : PROGRESS_MS),
  });
  const start = useMutation({
    mutationFn: startBacktest,
    onSuccess: ({ id }) => {
      show(id);
      void queries.invalidateQueries({ queryKey: HISTORY });
    },
  });
  const busy = start.isPending || (job.data !== undefined && !isOver(job.data));
  return { instruments, history, shown, show, job, start, busy };
}
