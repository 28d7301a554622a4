// Explore and the catalogue.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, harness, isTable, open, percent, saved, settled, text } from "./harness.mjs";

const state = harness();

test("Explore answers any metrics by any dimensions, as the API does", async () => {
  const { page, seen, close } = await open(state, "/explore");
  await page.getByRole("checkbox", { name: "NRR", exact: true }).check();
  await page.getByRole("checkbox", { name: "Segment", exact: true }).check();
  await page.getByRole("checkbox", { name: "Expansion MRR", exact: true }).uncheck();
  await settled(page);
  const { metrics } = await api(state, seen.requests.findLast(isTable));
  const shown = await page.locator('[data-tile="answer"] tbody tr').evaluateAll((rows) => rows.map((row) => [row.children[1].textContent, row.children[2].textContent]));
  assert.deepEqual(shown, metrics.rows.map((row) => [row.segment ?? "–", row.nrr === null ? "–" : percent(row.nrr)]));
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
  const csv = (await saved(page, page.getByRole("button", { name: "Save as CSV" }))).toString("utf8").trim().split("\r\n");
  assert.equal(csv[0], metrics.columns.map((column) => column.name).join(","));
  assert.deepEqual(csv.slice(1), metrics.rows.map((row) => metrics.columns.map((column) => row[column.name] ?? "").join(",")));
  await close();
});

test("a mistake in the address is explained, not hidden", async () => {
  const { page, close } = await open(state, "/explore?metrics=no_such_metric", { expectErrors: true });
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
  await page.getByRole("link", { name: "NRR", exact: true }).click();
  await page.waitForSelector('[data-tile="definition"] .formula');
  assert.match(page.url(), /metric=nrr/);
  await close();
});

test("what the catalogue lists can be saved as CSV", async () => {
  const { page, seen, close } = await open(state, "/catalog", { wait: false });
  await page.waitForSelector(".entries");
  const { catalog } = await api(state, seen.requests[0]);
  for (const what of ["metrics", "dimensions", "tables"]) {
    const csv = (await saved(page, page.getByRole("button", { name: `Save the ${what} as CSV` }))).toString("utf8");
    for (const { name } of catalog[what]) assert.ok(csv.includes(`\r\n${name},`), name);
  }
  await close();
});

test("a metric that was added to the files is in the catalogue and in Explore without a rebuild", async () => {
  const { page, seen, close } = await open(state, "/catalog?metric=offer_acceptance", { wait: false });
  await page.waitForSelector('[data-tile="definition"] .formula');
  const detail = await text(page, '[data-tile="definition"]');
  assert.match(detail, /Share of the offers presented in the period that were accepted\./);
  assert.match(detail, /Owner Revenue operations/);
  assert.match(detail, /metrics\/offers\.yml:14/);
  await page.getByRole("link", { name: "Explore Offer acceptance" }).click();
  await settled(page);
  const { metrics } = await api(state, seen.requests.findLast(isTable));
  const shown = await page.locator('[data-tile="answer"] tbody tr').evaluateAll((rows) => rows.map((row) => row.children[1].textContent));
  assert.deepEqual(shown, metrics.rows.map((row) => percent(row.offer_acceptance)));
  assert.ok(await page.getByRole("checkbox", { name: "Offer acceptance" }).isChecked());
  await close();
});

test("what is unavailable is listed with the reason, and cannot be asked by mistake", async () => {
  const { page, seen, close } = await open(state, "/catalog?search=tickets", { wait: false });
  await page.waitForSelector(".entries .off");
  const { catalog } = await api(state, seen.requests[0]);
  const metric = catalog.metrics.find(({ name }) => name === "tickets_opened");
  assert.equal(metric.available, false);
  assert.ok((await text(page, ".entries .off")).includes(metric.unavailableBecause));
  await page.goto(`${state.base}/explore`);
  await settled(page);
  assert.ok(await page.getByRole("checkbox", { name: "Tickets opened (unavailable)" }).isDisabled());
  await close();
});
