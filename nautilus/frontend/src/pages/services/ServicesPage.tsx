import { useQuery } from "@tanstack/react-query";

import { fetchServices, type ServiceState } from "../../api/services";
import { type Figure, Figures } from "../../parts/Figures";
import { formatTime } from "../../parts/format";
import { Nothing } from "../../parts/Notice";
import { Answered, Panel } from "../../parts/Panel";
import { formatLatency, ServiceTable } from "./ServiceTable";

const INTERVAL_MS = 5_000;

/** What runs, and how it is. */
export function Page() {
  const query = useQuery({
    queryKey: ["services"],
    queryFn: ({ signal }) => fetchServices(signal),
    refetchInterval: INTERVAL_MS,
    // Asked again soon enough by itself.
    retry: false,
  });
  return (
    <Answered query={query} label="state of the services">
      {(services) =>
        services.length === 0 ? (
          <Nothing title="No services">
            <p>The backend was told of no services: its SERVICES is empty.</p>
          </Nothing>
        ) : (
          <>
            <Figures figures={figures(services)} />
            <Panel
              title="Services"
              aside={
                <p className="quiet" role="status">
                  {summary(services)}
                  <span aria-hidden> at {formatTime(query.dataUpdatedAt)}</span>
                </p>
              }
            >
              <ServiceTable services={services} />
            </Panel>
          </>
        )
      }
    </Answered>
  );
}

function healthy(services: ServiceState[]): number {
  return services.filter(({ state }) => state === "healthy").length;
}

function summary(services: ServiceState[]): string {
  return `${healthy(services)} of ${services.length} services healthy`;
}

function figures(services: ServiceState[]): Figure[] {
  const troubled = services.filter(({ state }) => state !== "healthy");
  const slowest = services.reduce((one, other) =>
    (other.latency_ms ?? 0) > (one.latency_ms ?? 0) ? other : one,
  );
  return [
    {
      name: "Healthy",
      value: `${healthy(services)} / ${services.length}`,
      tone: troubled.length === 0 ? "good" : "bad",
    },
    { name: "In trouble", value: troubled.map(({ service }) => service).join(", ") || "none" },
    {
      name: `Slowest answer: ${slowest.service}`,
      value: formatLatency(slowest.latency_ms),
    },
  ];
}
