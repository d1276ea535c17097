import { cleanup, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { ServiceState } from "../../api/services";
import { answerWith, renderPage } from "../../testing";
import { Page } from "./ServicesPage";

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

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the services", () => {
  it("are asked for until the first answer", () => {
    answerWith(() => new Promise(() => {}));
    renderPage(<Page />);
    expect(screen.getByRole("status").textContent).toContain("Asking for state of the services");
  });

  it("are shown each, the troubled ones first", async () => {
    answerWith(async () => Response.json([risk, factor]));
    renderPage(<Page />);
    const lines = (await screen.findAllByRole("row")).slice(1);
    expect(lines.map((line) => within(line).getByRole("rowheader").textContent)).toEqual([
      "factor",
      "risk",
    ]);
    expect(screen.getByText("connection refused")).toBeDefined();
    expect(within(lines[1] as HTMLElement).getByText("1.3 ms")).toBeDefined();
    expect(screen.getByText("factor", { selector: "dd" })).toBeDefined();
    expect(screen.getByText("Slowest answer: risk")).toBeDefined();
    expect(screen.getByRole("status").textContent).toContain("1 of 2 services healthy");
  });

  it("may be none", async () => {
    answerWith(async () => Response.json([]));
    renderPage(<Page />);
    expect(await screen.findByText(/was told of no services/)).toBeDefined();
  });

  it.each([
    ["an error", async () => new Response("", { status: 502 }), "the server answered 502"],
    ["a reason", async () => Response.json({ detail: "away" }, { status: 503 }), "away"],
    ["no list", async () => Response.json({}), "unexpected form"],
    ["an unknown state", async () => Response.json([{ ...risk, state: "?" }]), "0.state"],
  ])("are not shown where the backend gave %s", async (_, answer, said) => {
    answerWith(answer);
    renderPage(<Page />);
    expect((await screen.findByRole("alert")).textContent).toContain(said);
  });

  it("stay when an answer fails, until the next", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let healthy = true;
    answerWith(async () => (healthy ? Response.json([risk]) : new Response("", { status: 503 })));
    renderPage(<Page />);
    await screen.findByRole("rowheader", { name: "risk" });
    healthy = false;
    await vi.advanceTimersByTimeAsync(5_000);
    await screen.findByRole("alert");
    expect(screen.getByRole("rowheader", { name: "risk" })).toBeDefined();
    healthy = true;
    await vi.advanceTimersByTimeAsync(5_000);
    await vi.waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
  });
});
