import { cleanup, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Job } from "../../api/jobs";
import type { Outcome } from "../../api/strategy";
import { answerWith, renderPage } from "../../testing";
import { Page } from "./BacktestsPage";
import { equityColumns } from "./equityChart";

vi.mock("../../parts/Chart", () => ({
  Chart: ({ label }: { label: string }) => <div role="img" aria-label={label} />,
}));

const at = ["2026-03-02T09:30:00Z", "2026-03-02T09:30:01Z"] as const;

function outcome(kind: string, final_equity: number): Outcome {
  return {
    rule: { kind },
    bars: 2,
    fills: [{ at: at[0], side: "buy", quantity: 1, price: 100, fee: 0.5 }],
    curve: [
      { at: at[0], equity: 1_000 },
      { at: at[1], equity: final_equity },
    ],
    final_equity,
    total_return: final_equity / 1_000 - 1,
    max_drawdown: 0.05,
  };
}

const outcomes = [outcome("ema_cross", 1_100), outcome("buy_and_hold", 900)];
const done: Job = {
  id: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
  kind: "backtest",
  state: "done",
  progress: 1,
  note: "2 of 2 rules",
  error: null,
  created_at: at[0],
  result: { symbol: "NVDA", interval: "1s", outcomes },
};

/** The job as it is when it is asked for. */
function answers(now: () => Job, asked: unknown[] = []) {
  answerWith(async (path, init) => {
    if (path.endsWith("/symbols")) {
      return Response.json([{ symbol: "NVDA", ticks: 1, last_at: at[0], last_price: 1 }]);
    }
    if (path.startsWith("/api/jobs/")) {
      return Response.json(now());
    }
    if (init?.method === "POST") {
      asked.push(JSON.parse(String(init.body)));
      return Response.json(now(), { status: 202 });
    }
    return Response.json([done]);
  });
}

async function run() {
  renderPage(<Page />);
  await userEvent.click(await screen.findByRole("button", { name: "Run the back-test" }));
}

beforeEach(() => answers(() => done));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("a back-test", () => {
  it("goes from its form over its progress to its curve", async () => {
    const asked: unknown[] = [];
    const waiting: Job = { ...done, state: "queued", progress: 0, note: "", result: null };
    let job = waiting;
    answers(() => job, asked);
    await run();
    expect(asked[0]).toEqual({
      rules: [{ kind: "ema_cross", fast: 10, slow: 20 }, { kind: "buy_and_hold" }],
      bars: { symbol: "NVDA", interval: "1s", limit: 5_000 },
      cash: 100_000,
      fee_rate: 0.0001,
      points: 1_000,
    });
    expect(await screen.findByText("Waiting for a free worker")).toBeDefined();
    expect((await screen.findByRole("progressbar")).getAttribute("aria-valuenow")).toBe("0");
    job = { ...waiting, state: "running", progress: 0.42, note: "one" };
    expect(await screen.findByText("42%")).toBeDefined();
    job = done;
    const chart = await screen.findByRole("img");
    expect(chart.getAttribute("aria-label")).toContain(
      "Moving averages that cross from 1,000 to 1,100; Buy and hold from 1,000 to 900",
    );
    expect(screen.getAllByText("+10.00%")).toHaveLength(2);
    expect(screen.getByText("-10.00%")).toBeDefined();
  });

  it("that was done can be looked at again", async () => {
    renderPage(<Page />);
    await userEvent.click(await screen.findByRole("button", { name: /^Show the test of/ }));
    expect(await screen.findByRole("img")).toBeDefined();
  });

  it("says why it failed", async () => {
    answers(() => ({ ...done, state: "failed", error: "NVDA has 1 bar", result: null }));
    await run();
    expect((await screen.findByRole("alert")).textContent).toContain("NVDA has 1 bar");
  });

  it("says why it was not taken", async () => {
    answerWith(async (path, init) =>
      init?.method === "POST"
        ? Response.json({ detail: [{ loc: ["body", "rules"], msg: "too long" }] }, { status: 422 })
        : Response.json(
            path.endsWith("/symbols")
              ? [{ symbol: "NVDA", ticks: 1, last_at: at[0], last_price: 1 }]
              : [],
          ),
    );
    await run();
    expect((await screen.findByRole("alert")).textContent).toContain("rules: too long");
    expect(screen.getByText("No back-test was run yet")).toBeDefined();
  });

  it("needs a result of the form that it knows", async () => {
    answers(() => ({ ...done, result: { symbol: "NVDA" } }));
    await run();
    expect((await screen.findByRole("alert")).textContent).toContain("unexpected form");
  });
});

it("equity curves become columns over the times that either has", () => {
  const other = { ...outcomes[1], curve: [{ at: at[1], equity: 5 }] } as Outcome;
  const seconds = at.map((each) => Date.parse(each) / 1000);
  expect(equityColumns([outcomes[0] as Outcome, other])).toEqual([
    seconds,
    [1_000, 1_100],
    [undefined, 5],
  ]);
});
