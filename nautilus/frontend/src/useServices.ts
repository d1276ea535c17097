import { useEffect, useState } from "react";

import { fetchServices, type ServiceState } from "./services";

const INTERVAL_MS = 5_000;
const TIMEOUT_MS = 8_000;

export interface Snapshot {
  services: ServiceState[] | null;
  /** Why the last question got no answer; the services are then the last ones known. */
  error: string | null;
  askedAt: Date | null;
}

/** The state of all services, asked again and again while the page is shown. */
export function useServices(): Snapshot {
  const [snapshot, setSnapshot] = useState<Snapshot>({ services: null, error: null, askedAt: null });

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    async function ask(): Promise<void> {
      try {
        const services = await fetchServices(
          AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        );
        setSnapshot({ services, error: null, askedAt: new Date() });
      } catch (error) {
        if (!stop.signal.aborted) {
          const reason = error instanceof Error ? error.message : String(error);
          setSnapshot((former) => ({ ...former, error: reason }));
        }
      }
      if (!stop.signal.aborted) {
        timer = setTimeout(() => void ask(), INTERVAL_MS);
      }
    }

    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);

  return snapshot;
}
