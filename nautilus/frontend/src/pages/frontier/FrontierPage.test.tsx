import { cleanup, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";

import { answerWith, renderPage } from "../../testing";
import { Page } from "./FrontierPage";

vi.mock("../../parts/Chart", () => ({
  Chart: ({ label }: { label: string }) => <div role="img" aria-label={label} />,
}));

const names = ["A", "B", "C"];
const points = [
  { mean_return: 0.001, volatility: 0.01, weights: { A: 0.75, B: 0.25, C: 0 } },
  { mean_return: 0.002, volatility: 0.02, weights: { A: 0, B: 0, C: 1 } },
];

function answers(periods: number, asked: unknown[] = []) {
  answerWith(async (path, init) => {
    if (path.endsWith("/symbols")) {
      return Response.json(
        names.map((symbol) => ({ symbol, ticks: 1, last_at: "2026-03-02", last_price: 1 })),
      );
    }
    if (path.includes("/returns?")) {
      const symbols = new URLSearchParams(path.split("?")[1]).getAll("symbols");
      const at = Array.from({ length: periods }, (_, period) => String(period));
      const returns = Object.fromEntries(symbols.map((symbol) => [symbol, at.map(() => 0.1)]));
      return Response.json({ interval: "5s", at, returns });
    }
    asked.push(JSON.parse(String(init?.body)));
    const instruments = names.map((symbol) => ({ symbol, mean_return: 0, volatility: 0.1 }));
    return Response.json({ points, instruments, periods });
  });
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("the frontier", () => {
  it("is walked by the arrow keys", async () => {
    answers(30);
    renderPage(<Page />);
    const chart = await screen.findByRole("img");
    expect(chart.getAttribute("aria-label")).toContain("from a volatility of 1% for 0.1%");
    const table = within(screen.getByRole("table"));
    expect(table.getAllByRole("rowheader").map((each) => each.textContent)).toEqual(["A", "B"]);
    const slider = screen.getByRole("slider", { name: "Place on the frontier" });
    slider.focus();
    await userEvent.keyboard("{ArrowRight}");
    expect(table.getAllByRole("rowheader").map((each) => each.textContent)).toEqual(["C"]);
    expect(slider.getAttribute("aria-valuetext")).toContain("volatility 2%");
  });

  it("is of the instruments and bounds that are chosen", async () => {
    const asked: { returns: object; upper: number }[] = [];
    answers(30, asked);
    renderPage(<Page />);
    await screen.findByRole("img");
    await userEvent.click(screen.getByRole("checkbox", { name: "B" }));
    await vi.waitFor(() => expect(Object.keys(asked.at(-1)?.returns ?? {})).toEqual(["A", "C"]));
    await userEvent.click(screen.getByRole("button", { name: "Less Largest weight, %" }));
    await vi.waitFor(() => expect(asked.at(-1)?.upper).toBeCloseTo(0.95));
    await userEvent.click(screen.getByRole("checkbox", { name: "A" }));
    expect(await screen.findByText("Choose at least two instruments")).toBeDefined();
  });

  it("says what it lacks", async () => {
    answers(7);
    renderPage(<Page />);
    expect(await screen.findByText(/have 7 periods of 5s in common/)).toBeDefined();
    cleanup();
    answerWith(async () => Response.json([]));
    renderPage(<Page />);
    expect(await screen.findByText(/needs two instruments/)).toBeDefined();
  });

  it("is asked for until the first answer", async () => {
    answerWith(async (path) =>
      path.endsWith("/symbols")
        ? Response.json(names.map((symbol) => ({ symbol, ticks: 1, last_at: "", last_price: 1 })))
        : new Promise<Response>(() => {}),
    );
    renderPage(<Page />);
    expect((await screen.findByText(/^Asking for frontier/)).closest("[role=status]")).not.toBeNull();
  });

  it("says why it cannot be had, below what was chosen", async () => {
    answerWith(async (path) =>
      path.endsWith("/symbols")
        ? Response.json(names.map((symbol) => ({ symbol, ticks: 1, last_at: "", last_price: 1 })))
        : Response.json({ detail: "a store is away" }, { status: 503 }),
    );
    renderPage(<Page />);
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("No frontier: a store is away.");
    expect(screen.getByRole("checkbox", { name: "A" })).toBeDefined();
    cleanup();
    answerWith(async () => Response.json({ detail: "a store is away" }, { status: 503 }));
    renderPage(<Page />);
    expect(await screen.findByText(/No instruments: a store is away/)).toBeDefined();
  });
});
