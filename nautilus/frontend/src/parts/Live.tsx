import type { StreamState } from "../api/stream";

const WORDS: Record<StreamState, string> = {
  live: "live",
  connecting: "connecting …",
  refused: "the stream refused these topics",
};

/** How the live connection is. */
export function Live({ state }: { state: StreamState }) {
  return (
    <span role="status" className={`chip ${state}`}>
      {WORDS[state]}
    </span>
  );
}
