// A page in real Chromium that fails its test on anything a visitor must never meet: an error on the
// console, a refused style or script, a request to another host.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const DESK = { width: 1440, height: 900 };

/** The server of the run, and a browser for a file of tests. */
export function harness() {
  const state = { base: process.env.UPSWELL_URL, project: process.env.UPSWELL_PROJECT, browser: null };
  before(async () => {
    assert.ok(state.base, "Run these tests with `npm test`: it starts the server.");
    state.browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  after(async () => {
    await state.browser?.close();
  });
  return state;
}

/** Opens a page; `prepare(page)` may route requests first. `expectErrors` lets failed requests pass. */
export async function open(state, path, { viewport = DESK, colorScheme = "light", prepare, expectErrors = false, wait = true } = {}) {
  const context = await state.browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", acceptDownloads: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: state.base });
  const page = await context.newPage();
  const seen = { requests: [], errors: [], foreign: [], scripts: [] };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== new URL(state.base).origin) seen.foreign.push(request.url());
    if (url.pathname === "/graphql") seen.requests.push(JSON.parse(request.postData()));
  });
  page.on("response", (response) => new URL(response.url()).pathname.endsWith(".js") && seen.scripts.push(response));
  if (process.env.DASHBOARD_DIST) await fromDisk(page, process.env.DASHBOARD_DIST);
  await prepare?.(page);
  await page.goto(state.base + path);
  if (wait) await settled(page);
  return {
    page,
    seen,
    close: async () => {
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await context.close();
      assert.deepEqual(seen.foreign, [], "requests to other hosts");
      if (!expectErrors) assert.deepEqual(seen.errors, [], "errors on the console");
    },
  };
}

const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8" };

/** While one works on the dashboard: the bundle of `npm run build` instead of the embedded one. */
async function fromDisk(page, folder) {
  await page.route((url) => ["/", "/explore", "/catalog"].includes(url.pathname) || url.pathname.startsWith("/assets/"), async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(dirname(fileURLToPath(import.meta.url)), "..", "..", folder, pathname.startsWith("/assets/") ? pathname : "index.html");
    if (!existsSync(file)) return route.continue();
    const { headers } = await route.fetch();
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !["content-encoding", "content-length"].includes(name)));
    return route.fulfill({ status: 200, headers: { ...kept, "content-type": TYPES[extname(file)] }, body: readFileSync(file) });
  });
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
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
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
export const isTable = (request) => request.query.includes("query MetricTable");

export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ").slice(0, 600)}`);
}

/** The bytes that a click on a button saves. */
export async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return Buffer.concat(await (await download.createReadStream()).toArray());
}

/** The cells of one column of a tile's table. */
export const column = (page, tile, at) => page.locator(`[data-tile="${tile}"] tbody tr`).evaluateAll((rows, index) => rows.map((row) => row.children[index].textContent), at);

// The formats of the page, written a second time on purpose, for the demo's currency.
export const percent = (value) => `${value.toLocaleString("en-US", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).replace("-", "−")}`;
export const money = (value) => `€${Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`.replace(/^/, value < 0 ? "−" : "");
export const round = (value) => money(Math.round(value)).replace(".00", "");
export const text = async (page, selector) => (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, " ");
