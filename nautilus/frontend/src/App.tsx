import { ServiceTable } from "./ServiceTable";
import { type Snapshot, useServices } from "./useServices";

/** The first page: what runs, and how it is. */
export function App() {
  const snapshot = useServices();
  return (
    <>
      <header>
        <h1>Nautilus</h1>
        <p role="status">{summary(snapshot)}</p>
      </header>
      <main aria-busy={snapshot.services === null && snapshot.error === null}>
        {snapshot.error !== null && (
          <p role="alert" className="notice">
            No answer: {snapshot.error}. Asking again.
          </p>
        )}
        <Services {...snapshot} />
      </main>
    </>
  );
}

function Services({ services, error }: Snapshot) {
  if (services === null) {
    return error === null ? <p className="quiet">Asking every service …</p> : null;
  }
  if (services.length === 0) {
    return <p className="quiet">The backend was told of no services: its SERVICES is empty.</p>;
  }
  return <ServiceTable services={services} />;
}

function summary({ services, askedAt }: Snapshot): string {
  if (services === null || askedAt === null) {
    return "";
  }
  const healthy = services.filter((service) => service.state === "healthy").length;
  return `${healthy} of ${services.length} services healthy at ${askedAt.toLocaleTimeString()}`;
}
