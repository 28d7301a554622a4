// The board shows what the API says, in one request, on one screen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { api, dollars, harness, isBoard, open, percent, rewrite, text } from "./harness.mjs";

const state = harness();
const numbers = (page, tile, column) => page.locator(`[data-tile="${tile}"] tbody tr`).evaluateAll((rows, at) => rows.map((row) => row.children[at].textContent), column);

test("the first view is one request, light in script, and names every headline figure", async () => {
  const { page, seen, close } = await open(state, "/");
  assert.equal(seen.requests.length - (await ownTiles(page)), 1);
  const size = seen.scripts.reduce((sum, script) => sum + gzipSync(script).length, 0);
  assert.ok(size > 0 && size < 200_000, `${size} bytes of compressed script`);
  const data = await api(state, seen.requests.find(isBoard));
  const last = (key) => data[key].rows.at(-1);
  assert.ok((await text(page, '[data-tile="kpi-nrr"] .value')).startsWith(percent(last("kpiNrr").nrr)));
  assert.ok((await text(page, '[data-tile="kpi-grr"] .value')).startsWith(percent(last("kpiGrr").grr)));
  assert.ok((await text(page, '[data-tile="kpi-attach_rate"] .value')).startsWith(percent(last("kpiAttach").attach_rate)));
  assert.ok((await text(page, '[data-tile="kpi-expansion_rate"] .value')).startsWith(percent(last("kpiExpansionRate").expansion_rate)));
  const median = data.duration.rows[0].medianDays;
  assert.equal(await text(page, '[data-tile="kpi-median_days_to_expansion"] .value'), median === null ? "Not reached" : `${median.toLocaleString("en-US")} days`);
  const points = Math.abs(last("kpiNrr").nrr__previous_year_change * 100).toFixed(1);
  assert.match(await text(page, '[data-tile="kpi-nrr"] .change'), new RegExp(`${last("kpiNrr").nrr__previous_year_change < 0 ? "Down" : "Up"} ${points} pts`));
  assert.match((await text(page, '[data-tile="kpi-nrr"] .status')).toLowerCase(), new RegExp(data.retention.rows.at(-1).band.label.toLowerCase()));
  await close();
});

/** Tiles of a project's own ask for themselves. */
async function ownTiles(page) {
  return page.locator('[data-tile^="own-"]').count();
}

test("the headline figures fit the first screen at 1440 × 900", async () => {
  const { page, close } = await open(state, "/");
  for (const box of await page.locator(".kpi").evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect().toJSON()))) assert.ok(box.bottom <= 900 && box.right <= 1440, JSON.stringify(box));
  assert.equal(await page.locator(".kpi").count(), 6);
  await close();
});

test("every tile's table holds the API's rows", async () => {
  const { page, seen, close } = await open(state, "/?tables=waterfall,trend,expansion,base,cohorts,duration");
  const data = await api(state, seen.requests.find(isBoard));
  const row = data.retention.rows.at(-1);
  assert.deepEqual(await numbers(page, "waterfall", 1), [row.startingMrr, row.newMrr, row.reactivationMrr, row.expansionMrr, -row.contractionMrr, -row.churnMrr, row.endingMrr].map((value) => dollars(value === 0 ? 0 : value)));
  assert.deepEqual(await numbers(page, "trend", 1), data.retention.rows.map((one) => (one.nrr === null ? "–" : percent(one.nrr))));
  assert.deepEqual(await numbers(page, "expansion", 2), [...data.expansion.rows].reverse().map((one) => dollars(one.amount)));
  assert.deepEqual(await numbers(page, "base", 1), data.base.rows.map((one) => dollars(one.mrr)));
  assert.deepEqual(await numbers(page, "cohorts", 6), data.cohorts.rows.map((one) => (one.mrrRetention === null ? "–" : percent(one.mrrRetention))));
  assert.deepEqual(await numbers(page, "duration", 1), data.duration.rows[0].curve.map((one) => percent(one.survival)));
  assert.equal(await page.locator('[data-tile="attach"] tbody td').count(), data.attachBy.rows.length + data.attachAll.rows.length);
  assert.deepEqual((await numbers(page, "credit", 1)).sort(), data.credit.rows.map((one) => dollars(Math.round(one.creditedMrr)).replace(".00", "")).sort());
  await close();
});

test("the waterfall is drawn to close: the last step ends where the end bar does", async () => {
  const { page, close } = await open(state, "/");
  const tops = await page.locator('[data-tile="waterfall"] svg a rect, [data-tile="waterfall"] svg a path').evaluateAll((bars) => bars.map((bar) => { const box = bar.getBBox(); return { top: box.y, bottom: box.y + box.height }; }));
  assert.equal(tops.length, 7);
  assert.ok(Math.abs(tops[5].bottom - tops[6].top) < 1.5, `${tops[5].bottom} against ${tops[6].top}`);
  await close();
});

test("the period under way is marked", async () => {
  const { page, close } = await open(state, "/?tables=trend", {
    prepare: (page) =>
      rewrite(page, (body, request) => {
        if (isBoard(request)) body.data.retention.provenance.dataThrough = "2099-01-01T00:00:00Z";
        if (request.query.includes("query Underway")) return { data: { retention: { rows: [{ period: { start: request.variables.period.start, end: "2099-01-01", complete: false }, window: { start: "2098-01-01", end: "2099-01-01" }, method: "LEDGER", startingMrr: 1, newMrr: 0, reactivationMrr: 0, expansionMrr: 0, contractionMrr: 0, churnMrr: 0, endingMrr: 1, cohortStartingMrr: 1, retainedMrr: 1, nrr: 1.01, grr: 0.99, logoRetention: 1, customers: 1, churnedCustomers: 0, expandedCustomers: 0, band: null }] } } };
        return body;
      }),
  });
  await page.waitForSelector('[data-tile="trend"] td:text("under way")');
  await page.goto(page.url().replace("?tables=trend", ""));
  await page.waitForSelector('[data-tile="trend"] a[aria-label*="under way"]');
  await close();
});

test("a broken definition shows in the badge, with its file and line", async () => {
  const { page, close } = await open(state, "/", {
    prepare: (page) => rewrite(page, (body, request) => { if (isBoard(request)) body.data.catalog.problems = [{ code: "E012", severity: "error", message: "unknown metric `nrrr`", file: "metrics/support.yml", line: 7 }]; return body; }),
  });
  await page.getByRole("button", { name: "1 problem in the definitions" }).click();
  const panel = await text(page, "dialog");
  assert.match(panel, /unknown metric `nrrr`/);
  assert.match(panel, /metrics\/support\.yml:7/);
  await close();
});
