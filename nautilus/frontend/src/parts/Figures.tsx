import type { ReactNode } from "react";

export interface Figure {
  name: string;
  value: ReactNode;
  tone?: "good" | "bad" | undefined;
}

/** Key figures, each with its name. */
export function Figures({ figures }: { figures: Figure[] }) {
  return (
    <dl className="figures">
      {figures.map(({ name, value, tone }) => (
        <div key={name} className="figure">
          <dt>{name}</dt>
          <dd className={tone}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
