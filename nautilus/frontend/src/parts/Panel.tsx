import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";

import { reasonOf } from "../api/answer";
import { Loading, Trouble } from "./Notice";

interface PanelProps {
  title: string;
  /** Beside the title: controls or a count. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a page. */
export function Panel({ title, aside, className = "", children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface AnsweredProps<Data> {
  query: UseQueryResult<Data>;
  /** What is asked for, as in "Asking for LABEL …". */
  label: string;
  children: (data: Data) => ReactNode;
}

/** What a query gave; until then that it is asked, and why when it fails. Old data stays. */
export function Answered<Data>({ query, label, children }: AnsweredProps<Data>) {
  if (query.isPending) {
    return <Loading label={`Asking for ${label} …`} />;
  }
  return (
    <>
      {query.isError && (
        <Trouble retry={() => void query.refetch()}>
          No {label}: {reasonOf(query.error)}.
        </Trouble>
      )}
      {query.data !== undefined && children(query.data)}
    </>
  );
}
