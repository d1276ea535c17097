import type { ReactNode } from "react";

interface Props {
  /** What scrolls, for who hears the page. */
  label: string;
  /** No taller than a part of the screen. */
  tall?: boolean;
  children: ReactNode;
}

/**
 * What may be wider or taller than its place scrolls there.
 *
 * It takes the focus, because a keyboard scrolls only what has it (WCAG 2.1.1), and Safari
 * gives it to nothing that merely scrolls.
 */
export function Scroll({ label, tall = false, children }: Props) {
  return (
    <div className={tall ? "scroll tall" : "scroll"} tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}
