import { act, cleanup, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Breach } from "../../api/risk";
import type { Listener } from "../../api/stream";
import { answerWith, renderPage } from "../../testing";
import { reasons } from "./Breaches";
import { Page } from "./RiskPage";
import { withBreach } from "./useBreaches";

let listener: Listener;

vi.mock("../../api/stream", () => ({
  TopicStream: class {
    constructor(_: string[], given: Listener) {
      listener = given;
    }
    close() {}
  },
}));

const breach: Breach = {
  id: "1-0",
  at: "2026-03-02T09:30:00Z",
  portfolio: "core",
  order: { symbol: "NVDA", side: "buy", quantity: 20, price: 600 },
  excesses: [{ limit: "max_order_notional", value: 12_000, threshold: 10_000 }],
  reason: null,
};
const limits = {
  portfolio: "core",
  max_order_notional: 10_000,
  max_position_notional: null,
  max_gross_notional: null,
  max_leverage: 2,
};
const target = { portfolio: "core", objective: "risk_parity", weights: { A: 0.4, B: 0.6 }, at: "" };

function losses(method: string) {
  const figures = { value_at_risk: 0.0123, expected_shortfall: 0.02, scenarios: 30 };
  return { method, confidence: 0.99, horizon_periods: 1, ...figures };
}

function answers(periods: number, asked: unknown[] = []) {
  answerWith(async (path, init) => {
    if (path.includes("/returns?")) {
      const at = Array.from({ length: periods }, (_, period) => String(period));
      return Response.json({ interval: "5s", at, returns: { A: at.map(Number), B: at.map(() => 1) } });
    }
    if (path.endsWith("/var")) {
      const body = JSON.parse(String(init?.body)) as { method: string };
      asked.push(body);
      return Response.json(losses(body.method));
    }
    const found = path.endsWith("/limits") ? limits : path.includes("/breaches") ? breach : target;
    return Response.json([found]);
  });
}

/** Questions for breaches as they come, each with its answer to be given. */
function breachesOnDemand() {
  const questions: ((breaches: Breach[]) => void)[] = [];
  answerWith((path) =>
    path.includes("/breaches")
      ? new Promise((resolve) => questions.push((found) => resolve(Response.json(found))))
      : Promise.resolve(Response.json([])),
  );
  return questions;
}

function refusedOrders() {
  const table = within(screen.getByRole("region", { name: "Refused orders" }));
  return table.getAllByRole("rowheader").map((portfolio) => portfolio.textContent);
}

beforeEach(() => answers(30));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("risk", () => {
  it("shows limits, and breaches as they come", async () => {
    renderPage(<Page />);
    expect(await screen.findByText("2 ×")).toBeDefined();
    expect(await screen.findByText("buy 20 NVDA at 600.00")).toBeDefined();
    act(() => listener.onMessage("breaches", { ...breach, id: "", portfolio: "other" }, "2-0"));
    expect(await screen.findByRole("rowheader", { name: "other" })).toBeDefined();
  });

  it("shows a breach that comes while those before it are asked for", async () => {
    const questions = breachesOnDemand();
    renderPage(<Page />);
    await waitFor(() => expect(questions).toHaveLength(1));
    act(() => listener.onMessage("breaches", { ...breach, id: "", portfolio: "new" }, "2-0"));
    questions[0]?.([breach]);
    expect(await screen.findByRole("rowheader", { name: "new" })).toBeDefined();
    expect(refusedOrders()).toEqual(["new", "core"]);
  });

  it("asks again when the stream starts, as the answer under way may be older", async () => {
    const questions = breachesOnDemand();
    renderPage(<Page />);
    await waitFor(() => expect(questions).toHaveLength(1));
    act(() => listener.onStart(["breaches"]));
    await waitFor(() => expect(questions).toHaveLength(2));
    questions[0]?.([]);
    questions[1]?.([breach]);
    expect(await screen.findByText("buy 20 NVDA at 600.00")).toBeDefined();
  });

  it("keeps a breach that comes while all are asked for once more", async () => {
    const questions = breachesOnDemand();
    renderPage(<Page />);
    await waitFor(() => expect(questions).toHaveLength(1));
    questions[0]?.([breach]);
    expect(await screen.findByText("buy 20 NVDA at 600.00")).toBeDefined();
    act(() => listener.onStart(["breaches"]));
    await waitFor(() => expect(questions).toHaveLength(2));
    act(() => listener.onMessage("breaches", { ...breach, id: "", portfolio: "new" }, "2-0"));
    questions[1]?.([{ ...breach, portfolio: "asked again" }]);
    expect(await screen.findByRole("rowheader", { name: "asked again" })).toBeDefined();
    expect(refusedOrders()).toEqual(["new", "asked again"]);
  });

  it("asks for each method's losses, in the order of the weights", async () => {
    const asked: Record<string, unknown>[] = [];
    answers(30, asked);
    renderPage(<Page />);
    expect(await screen.findByText("Monte Carlo")).toBeDefined();
    expect(screen.getAllByText("1.23%")).toHaveLength(3);
    expect(asked.map(({ method }) => method)).toEqual(["historical", "parametric", "monte_carlo"]);
    expect(asked[0]).toMatchObject({ weights: [0.4, 0.6], confidence: 0.99, horizon_periods: 1 });
    expect((asked[0]?.returns as number[][])[7]).toEqual([7, 1]);
  });

  it("says what it lacks", async () => {
    answers(4);
    renderPage(<Page />);
    expect(await screen.findByText("Its instruments have 4 periods in common")).toBeDefined();
    cleanup();
    answerWith(async () => Response.json([]));
    renderPage(<Page />);
    expect(await screen.findByText("No portfolio has limits")).toBeDefined();
    expect(await screen.findByText("No portfolio has weights yet")).toBeDefined();
    expect(await screen.findByText("No order was refused")).toBeDefined();
  });

  it("shows each failure where it belongs", async () => {
    answerWith(async () => Response.json({ detail: "a store is away" }, { status: 503 }));
    renderPage(<Page />);
    expect(await screen.findByText("No limits: a store is away.")).toBeDefined();
    expect(screen.getAllByRole("alert")).toHaveLength(3);
  });
});

describe("a breach", () => {
  it("is taken in once", () => {
    expect(withBreach([breach], breach)).toEqual([breach]);
  });

  it("says why in words", () => {
    expect(reasons(breach)).toBe("order notional 12,000 is over 10,000");
    expect(reasons({ excesses: [], reason: "no limits" })).toBe("no limits");
  });
});
