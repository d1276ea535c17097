import * as v from "valibot";

import { ask } from "./answer";

const ServiceState = v.object({
  service: v.string(),
  state: v.picklist(["healthy", "unhealthy", "unreachable"]),
  latency_ms: v.nullable(v.number()),
  release: v.nullable(v.string()),
  reason: v.nullable(v.string()),
});

/** What the backend knows of one service. */
export type ServiceState = v.InferOutput<typeof ServiceState>;

/** The state of every service, asked live by the backend. */
export function fetchServices(signal: AbortSignal): Promise<ServiceState[]> {
  return ask(v.array(ServiceState), "/api/services", { signal });
}
