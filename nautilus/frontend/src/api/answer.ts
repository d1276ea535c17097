import * as v from "valibot";

const TIMEOUT_MS = 10_000;

/** An answer that is none: refused, failed, or of an unexpected form. */
export class AnswerError extends Error {
  constructor(
    message: string,
    /** The HTTP status; null when the answer's form is what is wrong. */
    readonly status: number | null,
  ) {
    super(message);
  }
}

const Refusal = v.object({
  detail: v.union([
    v.string(),
    v.array(v.object({ loc: v.array(v.union([v.string(), v.number()])), msg: v.string() })),
  ]),
});

/** Ask the server and check the form of what it says; rejects with a sentence for people. */
export async function ask<Schema extends v.GenericSchema>(
  schema: Schema,
  path: string,
  { signal, ...init }: RequestInit = {},
): Promise<v.InferOutput<Schema>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(path, {
    ...init,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    headers: {
      Accept: "application/json",
      ...(init.body ? { "Content-Type": "application/json" } : {}),
    },
  }).catch((error: unknown) => {
    throw timeout.aborted ? new AnswerError("no answer within 10 s", null) : error;
  });
  if (!answer.ok) {
    throw new AnswerError(await refusal(answer), answer.status);
  }
  const body = v.safeParse(schema, await answer.json().catch(() => undefined));
  if (!body.success) {
    throw new AnswerError(`the answer has an unexpected form: ${flaw(body.issues[0])}`, null);
  }
  return body.output;
}

/** Send JSON by POST. */
export function send<Schema extends v.GenericSchema>(
  schema: Schema,
  path: string,
  body: unknown,
): Promise<v.InferOutput<Schema>> {
  return ask(schema, path, { method: "POST", body: JSON.stringify(body) });
}

/** Why something failed, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function refusal(answer: Response): Promise<string> {
  const said = v.safeParse(Refusal, await answer.json().catch(() => undefined));
  if (!said.success) {
    return `the server answered ${answer.status}`;
  }
  const { detail } = said.output;
  return typeof detail === "string"
    ? detail
    : detail.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`).join("; ");
}

function flaw(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path === null ? issue.message : `${path}: ${issue.message}`;
}
