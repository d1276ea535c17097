import type { JobSummary } from "../../api/jobs";
import { Scroll } from "../../parts/Scroll";

interface Props {
  jobs: JobSummary[];
  shown: string | null;
  show: (id: string) => void;
}

/** The back-tests that were asked for; each can be looked at again. */
export function History({ jobs, shown, show }: Props) {
  return (
    <Scroll label="Back-tests" tall>
      <table>
        <thead>
          <tr>
            <th scope="col">Asked at</th>
            <th scope="col">State</th>
            <th scope="col" className="roomy">
              Said
            </th>
            <td />
          </tr>
        </thead>
        <tbody>
          {jobs.map(({ id, created_at, state, note, error }) => {
            const at = new Date(created_at).toLocaleString();
            return (
              <tr key={id} className={id === shown ? "chosen" : undefined}>
                <th scope="row">{at}</th>
                <td>
                  <span className={`chip ${state}`}>{state}</span>
                </td>
                <td className="roomy words">{error ?? note}</td>
                <td className="number">
                  <button
                    type="button"
                    className="button"
                    aria-pressed={id === shown}
                    aria-label={`Show the test of ${at}`}
                    onClick={() => show(id)}
                  >
                    Show
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
