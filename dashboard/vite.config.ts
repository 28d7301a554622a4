// How the bundle is made: hashed files under assets/, nothing inlined (the content-security policy
// allows neither inline scripts nor inline styles), the stored documents taken from ../queries.
import { defineConfig } from "vite";

const api = process.env.UPSWELL_URL ?? "http://127.0.0.1:4000";

export default defineConfig({
  build: {
    outDir: process.env.DASHBOARD_OUT ?? "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
  },
  server: { fs: { allow: [".."] }, proxy: { "/graphql": api } },
});
