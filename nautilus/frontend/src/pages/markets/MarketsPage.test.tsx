import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { Listener } from "../../api/stream";
import { answerWith, renderPage } from "../../testing";
import { Page } from "./MarketsPage";

let listener: Listener;

vi.mock("../../api/stream", () => ({
  TopicStream: class {
    constructor(_: string[], given: Listener) {
      listener = given;
    }
    close() {}
  },
}));
vi.mock("../../parts/Chart", () => ({
  Chart: ({ label }: { label: string }) => <div role="img" aria-label={label} />,
}));

const nvda = { symbol: "NVDA", ticks: 7, last_at: "2026-03-02T09:30:00Z", last_price: 600 };
const away = async () => Response.json({ detail: "a store is away" }, { status: 503 });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("the markets", () => {
  it("are asked for until the first answer", () => {
    answerWith(() => new Promise(() => {}));
    renderPage(<Page />);
    expect(screen.getByRole("status").textContent).toContain("Asking for instruments");
  });

  it("say what to do as long as nothing has traded", async () => {
    answerWith(async () => Response.json([]));
    renderPage(<Page />);
    expect(await screen.findByText("Nothing has traded yet")).toBeDefined();
    expect(screen.getByText("make demo-data")).toBeDefined();
  });

  it("say why they cannot be had", async () => {
    answerWith(away);
    renderPage(<Page />);
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("No instruments: a store is away.");
    expect(screen.getByRole("button", { name: "Try again" })).toBeDefined();
  });

  it("keep their prices when the bars cannot be had", async () => {
    answerWith(async (path) => (path.endsWith("/symbols") ? Response.json([nvda]) : away()));
    renderPage(<Page />);
    expect(await screen.findByText("No bars: a store is away.", { exact: false })).toBeDefined();
    expect(screen.getByRole("cell", { name: "600.00" })).toBeDefined();
    act(() => listener.onState("live"));
    expect(screen.getByText("live")).toBeDefined();
  });

  it("say that an instrument has no bars of a length yet", async () => {
    answerWith(async (path) => Response.json(path.endsWith("/symbols") ? [nvda] : []));
    renderPage(<Page />);
    expect(await screen.findByText("NVDA has no bars of 1m yet")).toBeDefined();
  });
});
