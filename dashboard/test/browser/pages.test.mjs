// Explore and the catalogue.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, harness, open, percent, settled, text } from "./harness.mjs";

const state = harness();
const isTable = (request) => request.query.includes("query MetricTable");

test("Explore answers any metrics by any dimensions, as the API does", async () => {
  const { page, seen, close } = await open(state, "/explore");
  await page.getByRole("checkbox", { name: "Net revenue retention" }).check();
  await page.getByRole("checkbox", { name: "Segment" }).check();
  await page.getByRole("checkbox", { name: "Expansion MRR" }).uncheck();
  await settled(page);
  const { metrics } = await api(state, seen.requests.findLast(isTable));
  const shown = await page.locator('[data-tile="answer"] tbody tr').evaluateAll((rows) => rows.map((row) => [row.children[1].textContent, row.children[2].textContent]));
  assert.deepEqual(shown, metrics.rows.map((row) => [row.segment, row.nrr === null ? "–" : percent(row.nrr)]));
  const { searchParams } = new URL(page.url());
  assert.deepEqual([searchParams.get("metrics"), searchParams.get("by")], ["nrr", "segment"]);
  await close();
});

test("the GraphQL behind it gives the same rows", async () => {
  const { page, seen, close } = await open(state, "/explore?metrics=expansion_mrr&by=segment&grain=quarter&last=4&compare=previous_year&f.region=EMEA&sort=expansion_mrr");
  await page.getByText("The GraphQL behind it").click();
  const query = await page.locator(".behind pre").textContent();
  const { metrics } = await api(state, { query });
  assert.deepEqual(metrics.rows, (await api(state, seen.requests.findLast(isTable))).metrics.rows);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as CSV" }).click()]);
  const csv = (await (await download.createReadStream()).toArray()).join("").trim().split("\r\n");
  assert.equal(csv[0], metrics.columns.map((column) => column.name).join(","));
  assert.equal(csv.length, metrics.rows.length + 1);
  await close();
});

test("a mistake in the address is explained, not hidden", async () => {
  const { page, close } = await open(state, "/explore?metrics=no_such_metric");
  assert.match(await text(page, '[data-tile="answer"]'), /no_such_metric/);
  await close();
});

test("the catalogue lists every metric and dimension, and why some are unavailable", async () => {
  const { page, seen, close } = await open(state, "/catalog", { wait: false });
  await page.waitForSelector(".entries");
  const { catalog } = await api(state, seen.requests[0]);
  const names = await page.locator('section[aria-labelledby="metrics-title"] li code').allTextContents();
  assert.deepEqual(names, catalog.metrics.map((metric) => metric.name));
  for (const metric of catalog.metrics.filter((one) => !one.available)) assert.ok((await text(page, ".catalogue")).includes(metric.unavailableBecause));
  assert.equal(await page.locator('section[aria-labelledby="dimensions-title"] li').count(), catalog.dimensions.length);
  await page.getByRole("link", { name: "Net revenue retention" }).click();
  await page.waitForSelector('[data-tile="definition"] .formula');
  assert.match(page.url(), /metric=nrr/);
  await close();
});
