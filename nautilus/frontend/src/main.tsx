import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { AnswerError } from "./api/answer";
import { App } from "./shell/App";
import { applyTheme, storedTheme } from "./shell/theme";
import "./shell/theme.css";
import "./shell/layout.css";
import "./parts/parts.css";
import "./parts/controls.css";

applyTheme(storedTheme());

const queries = new QueryClient({
  defaultOptions: {
    // What the server refuses once, it refuses again; a lost connection is worth another try.
    queries: { retry: (failures, error) => failures < 2 && !(error instanceof AnswerError) },
  },
});

const root = document.getElementById("root");
if (root === null) {
  throw new Error("index.html has no #root");
}
createRoot(root).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
