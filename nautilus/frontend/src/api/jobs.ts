import * as v from "valibot";

import { ask } from "./answer";

const STATES = ["queued", "running", "done", "failed", "cancelled"] as const;

export const JobSummary = v.object({
  id: v.string(),
  kind: v.string(),
  state: v.picklist(STATES),
  /** From 0 to 1. */
  progress: v.number(),
  note: v.string(),
  error: v.nullable(v.string()),
  created_at: v.string(),
});

/** A job without what was asked and what came out. */
export type JobSummary = v.InferOutput<typeof JobSummary>;

const Job = v.object({ ...JobSummary.entries, result: v.unknown() });

export type Job = v.InferOutput<typeof Job>;

/** A job with its progress, and its result once it is done. */
export function fetchJob(id: string, signal: AbortSignal): Promise<Job> {
  return ask(Job, `/api/jobs/${encodeURIComponent(id)}`, { signal });
}

/** Whether nothing more will come of a job. */
export function isOver({ state }: JobSummary): boolean {
  return state !== "queued" && state !== "running";
}
