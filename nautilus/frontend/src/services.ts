/** What the backend knows of one service. */
export interface ServiceState {
  service: string;
  state: "healthy" | "unhealthy" | "unreachable";
  latency_ms: number | null;
  release: string | null;
  reason: string | null;
}

/** Ask the backend for the state of every service; rejects when it gives no such answer. */
export async function fetchServices(signal: AbortSignal): Promise<ServiceState[]> {
  const answer = await fetch("/api/services", { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) {
    throw new Error(`the backend answered ${answer.status}`);
  }
  const body: unknown = await answer.json();
  if (!Array.isArray(body)) {
    throw new Error("the backend's answer is not a list of services");
  }
  return body as ServiceState[];
}
