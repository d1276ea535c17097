import type { ServiceState } from "./services";

const latency = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Every service on a line, the troubled ones first. */
export function ServiceTable({ services }: { services: ServiceState[] }) {
  const troubledFirst = services.toSorted(
    (one, other) => Number(one.state === "healthy") - Number(other.state === "healthy"),
  );
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">State</th>
          <th scope="col" className="number">
            Latency
          </th>
          <th scope="col">Release</th>
          <th scope="col">Reason</th>
        </tr>
      </thead>
      <tbody>
        {troubledFirst.map((service) => (
          <tr key={service.service}>
            <th scope="row">{service.service}</th>
            <td>
              <span className={`state ${service.state}`}>{service.state}</span>
            </td>
            <td className="number">
              {service.latency_ms === null ? "–" : `${latency.format(service.latency_ms)} ms`}
            </td>
            <td>
              <code>{service.release ?? "–"}</code>
            </td>
            <td>{service.reason ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
