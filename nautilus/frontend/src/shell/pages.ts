import { type ComponentType, lazy } from "react";

export interface Page {
  path: string;
  title: string;
  /** Fetch the page's code ahead, when somebody is about to go there. */
  prepare: () => void;
  Content: ComponentType;
}

function page(path: string, title: string, load: () => Promise<{ Page: ComponentType }>): Page {
  return {
    path,
    title,
    // Should it fail now, it is asked again, and the failure shown, when the page is opened.
    prepare: () => void load().catch(() => undefined),
    Content: lazy(async () => ({ default: (await load()).Page })),
  };
}

/** The pages, in the order of the navigation; the code of each comes when it is opened. */
export const PAGES: Page[] = [
  page("/", "Services", () => import("../pages/services/ServicesPage")),
  page("/markets", "Markets", () => import("../pages/markets/MarketsPage")),
  page("/backtests", "Back-tests", () => import("../pages/backtests/BacktestsPage")),
  page("/frontier", "Frontier", () => import("../pages/frontier/FrontierPage")),
  page("/risk", "Risk", () => import("../pages/risk/RiskPage")),
];
