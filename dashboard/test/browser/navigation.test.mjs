// Drill-down, and the address as the whole state.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, dollars, harness, open, rewrite, settled, text } from "./harness.mjs";

const state = harness();
const HOSTILE = '=HYPERLINK("http://evil.example")<img src=x onerror="window.hacked=1">';

test("two clicks lead from a bar to its customers; back, forward and reload restore", async () => {
  const { page, seen, close } = await open(state, "/");
  await page.locator('[data-tile="waterfall"] a[aria-label^="Expansion"]').click();
  await page.waitForSelector("dialog tbody tr");
  const asked = seen.requests.at(-1);
  assert.deepEqual(asked.variables.select, ["expansion_mrr"]);
  const rows = (await api(state, asked)).metrics.rows;
  const shown = await page.locator("dialog tbody tr").evaluateAll((list) => list.map((row) => [row.children[1].textContent, row.children[3].textContent]));
  assert.deepEqual(shown, rows.map((row) => [row.customer_id, dollars(row.expansion_mrr)]));
  const deep = page.url();
  await page.reload();
  await page.waitForSelector("dialog tbody tr");
  assert.equal(page.url(), deep);
  await page.goBack();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.goForward();
  await page.waitForSelector("dialog tbody tr");
  await close();
});

test("a segment filters every tile, and a shared link shows the same", async () => {
  const { page, seen, close } = await open(state, "/");
  const before = await text(page, ".kpis");
  await page.getByRole("group", { name: "Segment" }).getByRole("button", { name: "Enterprise" }).click();
  await settled(page);
  assert.match(page.url(), /f\.segment=Enterprise/);
  const asked = seen.requests.findLast((request) => request.variables.kpis);
  assert.deepEqual(asked.variables.where, { segment: { in: ["Enterprise"] } });
  assert.equal(asked.variables.catalogue, false);
  const filtered = await text(page, ".kpis");
  assert.notEqual(filtered, before);
  const shared = await open(state, new URL(page.url()).search.replace(/^/, "/"));
  assert.equal(await text(shared.page, ".kpis"), filtered);
  await shared.close();
  await page.goBack();
  await settled(page);
  assert.equal(await text(page, ".kpis"), before);
  await close();
});

test("only what a choice touches is asked again", async () => {
  const { page, seen, close } = await open(state, "/");
  await page.getByLabel("Credit goes to").selectOption("CURRENT_OWNER");
  await settled(page);
  const { variables } = seen.requests.at(-1);
  assert.equal(variables.rule, "CURRENT_OWNER");
  assert.deepEqual(["kpis", "retention", "expansion", "base", "cohort", "attach", "duration", "catalogue"].filter((part) => variables[part]), []);
  await close();
});

test("a period of the trend becomes the board's period", async () => {
  const { page, close } = await open(state, "/");
  const dot = page.locator('[data-tile="trend"] a[aria-label^="NRR"]').nth(5);
  const period = (await dot.getAttribute("aria-label")).match(/^NRR (\S+ ’\d\d)/)[1].replace("’", "20");
  await dot.click();
  await settled(page);
  assert.match(page.url(), /end=\d{4}-\d\d-\d\d/);
  assert.ok((await text(page, ".lede")).startsWith(period));
  await close();
});

test("the definition drawer says what a number means", async () => {
  const { page, seen, close } = await open(state, "/");
  await page.getByRole("button", { name: "How Net retention (NRR) is defined" }).click();
  await page.waitForSelector("dialog .formula");
  const { metric } = (await api(state, seen.requests.at(-1))).catalog;
  const drawer = await text(page, "dialog");
  for (const part of [metric.label, metric.formula, metric.file, ...metric.lineage]) assert.ok(drawer.includes(part.replaceAll(/\s+/g, " ")), part);
  assert.match(page.url(), /info=nrr/);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  await close();
});

test("a hostile name is text on the page and harmless in a spreadsheet", async () => {
  const { page, close } = await open(state, "/?drill=mrr&from=2025-12-31&to=2026-01-01", {
    wait: false,
    prepare: (page) => rewrite(page, (body, request) => { if (request.variables.groupBy?.includes("customer_name")) body.data.metrics.rows[0].customer_name = HOSTILE; return body; }),
  });
  await page.waitForSelector("dialog tbody tr");
  assert.equal(await page.locator("dialog tbody th").first().textContent(), HOSTILE);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("dialog").getByRole("button", { name: "Save as CSV" }).click()]);
  const csv = (await (await download.createReadStream()).toArray()).join("");
  assert.ok(csv.includes(`"'=HYPERLINK(""http`), csv.slice(0, 300));
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await close();
});

test("CSV and PNG can be saved from a tile", async () => {
  const { page, close } = await open(state, "/");
  const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save Retention over time as CSV" }).click()]);
  assert.match((await (await csv.createReadStream()).toArray()).join(""), /^period,nrr,grr,/);
  const [png] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save Retention over time as PNG" }).click()]);
  const bytes = Buffer.concat(await (await png.createReadStream()).toArray());
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  assert.ok(bytes.length > 10_000, `${bytes.length} bytes`);
  await close();
});
