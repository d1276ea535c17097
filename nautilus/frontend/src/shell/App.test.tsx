import { cleanup, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { answerWith, renderPage } from "../testing";
import { App } from "./App";

beforeEach(() => {
  localStorage.clear();
  window.history.replaceState(null, "", "/");
  answerWith(async () => Response.json([]));
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("the frame", () => {
  it("leads to a page, with its title and the focus on its heading", async () => {
    renderPage(<App />);
    expect(await screen.findByText("No services")).toBeDefined();
    expect(document.title).toBe("Services · Nautilus");
    await userEvent.click(screen.getByRole("link", { name: "Risk" }));
    const heading = await screen.findByRole("heading", { level: 1, name: "Risk" });
    expect(screen.getByRole("link", { name: "Risk" }).getAttribute("aria-current")).toBe("page");
    await vi.waitFor(() => expect(document.activeElement).toBe(heading));
    expect(document.title).toBe("Risk · Nautilus");
  });

  it("says that there is no such page", async () => {
    window.history.replaceState(null, "", "/nowhere");
    renderPage(<App />);
    expect(await screen.findByText("There is no page /nowhere")).toBeDefined();
  });

  it("remembers the colors that were chosen", async () => {
    renderPage(<App />);
    await userEvent.click(screen.getByRole("button", { name: "dark" }));
    expect(document.documentElement.style.colorScheme).toBe("dark");
    cleanup();
    renderPage(<App />);
    expect(screen.getByRole("button", { name: "dark" }).getAttribute("aria-pressed")).toBe("true");
    await userEvent.click(screen.getByRole("button", { name: "system" }));
    expect(document.documentElement.style.colorScheme).toBe("light dark");
  });
});
