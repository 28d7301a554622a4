// A page in real Chromium that fails its test on anything a visitor must never meet: an error on the
// console, a refused style or script, a request to another host.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { start } from "../mock/server.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Starts browser (and mock, if no server was named) for a file of tests. */
export function harness() {
  const state = { base: process.env.UPSWELL_URL, browser: null, mock: null };
  before(async () => {
    if (!state.base) {
      state.mock = await start();
      state.base = state.mock.base;
    }
    state.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  after(async () => {
    await state.browser?.close();
    state.mock?.stop();
  });
  return state;
}

/** Opens a page; `prepare(page)` may route requests first. `expectErrors` lets failed requests pass. */
export async function open(state, path, { viewport = { width: 1440, height: 900 }, colorScheme = "light", prepare, expectErrors = false, wait = true } = {}) {
  const context = await state.browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  const seen = { requests: [], errors: [], foreign: [], scripts: [] };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== new URL(state.base).origin) seen.foreign.push(request.url());
    if (url.pathname === "/graphql") seen.requests.push(JSON.parse(request.postData()));
  });
  page.on("response", async (response) => response.url().endsWith(".js") && seen.scripts.push(await response.body()));
  await prepare?.(page);
  await page.goto(state.base + path);
  if (wait) await settled(page);
  return {
    page,
    seen,
    close: async () => {
      await context.close();
      assert.deepEqual(seen.foreign, [], "requests to other hosts");
      if (!expectErrors) assert.deepEqual(seen.errors, [], "errors on the console");
    },
  };
}

/** Until nothing loads any more. */
export async function settled(page) {
  await page.waitForSelector("[data-tile]");
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton, .stale, .chart:empty'));
}

/** Asks the API directly, as the page did. */
export async function api(state, body) {
  const response = await fetch(`${state.base}/graphql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(answer.errors, undefined);
  return answer.data;
}

/** Changes the API's answers on their way to the page. */
export function rewrite(page, change) {
  return page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    await route.fulfill({ response, json: change(body, JSON.parse(route.request().postData())) ?? body });
  });
}

export const isBoard = (request) => request.query.includes("query Board");

export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ").slice(0, 600)}`);
}

// The formats of the page, written a second time on purpose.
export const percent = (value) => `${(Math.round(value * 1000 + Number.EPSILON) / 10).toFixed(1)}%`;
export const dollars = (value) => `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`.replace("$-", "−$");
export const text = async (page, selector) => (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, " ");
