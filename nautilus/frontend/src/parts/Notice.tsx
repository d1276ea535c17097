import type { ReactNode } from "react";

/** Something went wrong: said at once to everybody, and what to do about it. */
export function Trouble({ children, retry }: { children: ReactNode; retry?: () => void }) {
  return (
    <div role="alert" className="notice trouble">
      <p>{children}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** There is nothing to show, and why. */
export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice nothing">
      <p className="nothing-title">{title}</p>
      {children}
    </div>
  );
}

/** What is coming, in its place. */
export function Loading({ label, lines = 4 }: { label: string; lines?: number }) {
  return (
    <div role="status" className="loading">
      <span className="unseen">{label}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} className="bone" aria-hidden />
      ))}
    </div>
  );
}
