import react from "@vitejs/plugin-react";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  // The nginx of a running stack, for `npm run dev`: NAUTILUS_URL, or this machine's.
  const stack = loadEnv(mode, ".", "NAUTILUS_").NAUTILUS_URL ?? "http://127.0.0.1";
  return {
    plugins: [react()],
    server: { proxy: { "/api": stack, "/ws": { target: stack, ws: true } } },
    test: { environment: "jsdom", setupFiles: "src/testing.setup.ts", testTimeout: 30_000 },
  };
});
