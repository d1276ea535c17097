import type { ServiceState } from "../../api/services";
import { Scroll } from "../../parts/Scroll";

const latency = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function formatLatency(latency_ms: number | null): string {
  return latency_ms === null ? "–" : `${latency.format(latency_ms)} ms`;
}

/** Every service on a line, the troubled ones first. */
export function ServiceTable({ services }: { services: ServiceState[] }) {
  const troubledFirst = services.toSorted(
    (one, other) => Number(one.state === "healthy") - Number(other.state === "healthy"),
  );
  return (
    <Scroll label="Every service">
      <table>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Latency
            </th>
            <th scope="col" className="roomy">
              Release
            </th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {troubledFirst.map((service) => (
            <tr key={service.service}>
              <th scope="row">{service.service}</th>
              <td>
                <span className={`chip ${service.state}`}>{service.state}</span>
              </td>
              <td className="number">{formatLatency(service.latency_ms)}</td>
              <td className="roomy">
                <code>{service.release ?? "–"}</code>
              </td>
              <td>{service.reason ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
