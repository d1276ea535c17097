import { cleanup, render, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import { App } from "./App";
import type { ServiceState } from "./services";

const risk: ServiceState = {
  service: "risk",
  state: "healthy",
  latency_ms: 1.25,
  release: "0123456789ab",
  reason: null,
};
const factor: ServiceState = {
  service: "factor",
  state: "unreachable",
  latency_ms: null,
  release: null,
  reason: "connection refused",
};

function answerWith(answer: () => Promise<Response>): void {
  vi.stubGlobal("fetch", vi.fn(answer));
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the first page", () => {
  it("says that it asks until the first answer", () => {
    answerWith(() => new Promise(() => {}));
    render(<App />);
    expect(screen.getByText("Asking every service …")).toBeDefined();
    expect(screen.getByRole("main").getAttribute("aria-busy")).toBe("true");
  });

  it("shows each service, the troubled ones first", async () => {
    answerWith(async () => Response.json([risk, factor]));
    render(<App />);
    const lines = (await screen.findAllByRole("row")).slice(1);
    expect(lines.map((line) => within(line).getByRole("rowheader").textContent)).toEqual([
      "factor",
      "risk",
    ]);
    expect(screen.getByText("connection refused")).toBeDefined();
    expect(screen.getByText("1.3 ms")).toBeDefined();
    expect(screen.getByRole("status").textContent).toContain("1 of 2 services healthy");
  });

  it("says so when there are no services", async () => {
    answerWith(async () => Response.json([]));
    render(<App />);
    expect(await screen.findByText(/was told of no services/)).toBeDefined();
  });

  it.each([
    ["an error", async () => new Response("", { status: 502 }), "the backend answered 502"],
    ["no list", async () => Response.json({}), "not a list of services"],
  ])("shows that the backend gave %s", async (_, answer, said) => {
    answerWith(answer);
    render(<App />);
    expect((await screen.findByRole("alert")).textContent).toContain(said);
  });

  it("keeps what it knows when an answer fails, and recovers", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let healthy = true;
    answerWith(async () => (healthy ? Response.json([risk]) : new Response("", { status: 503 })));
    render(<App />);
    await screen.findByText("risk");
    healthy = false;
    await vi.advanceTimersByTimeAsync(5_000);
    await screen.findByRole("alert");
    expect(screen.getByText("risk")).toBeDefined();
    healthy = true;
    await vi.advanceTimersByTimeAsync(5_000);
    await vi.waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
  });
});
