// Drill-down, and the address as the whole state.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, harness, isBoard, money, open, rewrite, saved, settled, text } from "./harness.mjs";

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
  assert.deepEqual(shown, rows.map((row) => [row.customer_id, money(row.expansion_mrr)]));
  const { totals } = (await api(state, asked)).metrics;
  assert.ok((await text(page, "dialog .subtitle")).includes(`${money(totals.expansion_mrr)} in all`));
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
  const squeezed = (part) => part.replaceAll(/\s+/g, " ").trim();
  const sources = metric.bands.map((band) => band.source);
  for (const part of [metric.label, metric.description, metric.formula, metric.owner ?? "nobody named", metric.status, metric.definition, metric.sql, `${metric.file}:${metric.line}`, ...metric.lineage, ...sources]) assert.ok(drawer.includes(squeezed(part)), part);
  assert.match(drawer, /version [0-9a-f]{12}/);
  assert.match(drawer, /mrr_movements: through 31 Dec 2025/);
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
  const csv = (await saved(page, page.locator("dialog").getByRole("button", { name: "Save as CSV" }))).toString("utf8");
  assert.ok(csv.includes(`"'=HYPERLINK(""http`), csv.slice(0, 300));
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await close();
});

test("customers by the page, and on to Explore with the same filters", async () => {
  const { page, seen, close } = await open(state, "/?f.segment=SMB&drill=mrr&from=2025-12-31&to=2026-01-01");
  const ids = () => page.locator("dialog tbody tr").evaluateAll((rows) => rows.map((row) => row.children[1].textContent));
  await page.waitForSelector("dialog tbody tr");
  const first = await ids();
  assert.equal(first.length, 50);
  await page.getByRole("link", { name: "Next 50" }).click();
  await page.waitForSelector('dialog a:text("Previous 50")');
  await settled(page);
  const second = await ids();
  assert.equal(new Set([...first, ...second]).size, first.length + second.length);
  await page.getByRole("link", { name: "Open in Explore" }).click();
  await settled(page);
  assert.deepEqual(seen.requests.at(-1).variables.where, { segment: { in: ["SMB"] } });
  await close();
});

test("a cohort's cell, a balance's column and a row lead on", async () => {
  const { page, seen, close } = await open(state, "/");
  await page.locator('[data-tile="cohorts"] svg a').first().click();
  await page.waitForSelector("dialog tbody tr");
  assert.match(JSON.stringify(seen.requests.at(-1).variables.where), /acquired_on/);
  await page.keyboard.press("Escape");
  await page.locator('[data-tile="base"] svg a').last().click();
  await page.waitForSelector("dialog tbody tr");
  assert.deepEqual(seen.requests.at(-1).variables.period, { start: "2025-12-31", end: "2026-01-01" });
  await page.keyboard.press("Escape");
  await page.locator('[data-tile="credit"] tbody a').first().click();
  await page.waitForSelector("dialog tbody tr");
  assert.match(JSON.stringify(seen.requests.at(-1).variables.where), /csm_id/);
  await page.keyboard.press("Escape");
  await page.locator('[data-tile="attach"] tbody a').first().click();
  await settled(page);
  assert.match(page.url(), /f\.segment=/);
  await close();
});

test("a filter is added, named, survives a reload and comes off", async () => {
  const { page, seen, close } = await open(state, "/");
  await page.getByRole("button", { name: "+ Filter" }).click();
  await page.getByLabel("Filter by").selectOption({ label: "Region" });
  const values = page.getByLabel("Value");
  await page.waitForFunction(() => document.querySelectorAll('select[aria-label="Value"] option').length > 2);
  await values.selectOption("EMEA");
  await settled(page);
  assert.deepEqual(seen.requests.findLast((request) => request.variables.kpis).variables.where, { region: { in: ["EMEA"] } });
  await page.reload();
  await settled(page);
  assert.match(await text(page, ".lede"), /region EMEA/);
  await page.getByRole("button", { name: "Remove filter Region EMEA" }).click();
  await settled(page);
  assert.match(await text(page, ".lede"), /all customers/);
  await close();
});

test("a missing value is a filter like any other, and can be taken off", async () => {
  const { page, seen, close } = await open(state, "/?f.segment=~null");
  assert.deepEqual(seen.requests[0].variables.where, { segment: { isNull: true } });
  assert.match(await text(page, ".lede"), /segment not set/);
  await page.getByRole("group", { name: "Segment" }).getByRole("button", { name: "not set", pressed: true }).click();
  await settled(page);
  assert.match(await text(page, ".lede"), /all customers/);
  await close();
});

test("many segments are picked from a menu", async () => {
  const many = Array.from({ length: 40 }, (_, index) => `Segment ${index + 1}`);
  const { page, close } = await open(state, "/", { prepare: (page) => rewrite(page, (body, request) => { if (isBoard(request)) body.data.catalog.chips = many; return body; }) });
  assert.equal(await page.getByRole("group", { name: "Segment" }).getByRole("button").count(), 7);
  await page.getByRole("button", { name: "+ Filter" }).click();
  assert.equal(await page.getByLabel("Filter by").getByRole("option", { name: "Segment" }).count(), 1);
  await close();
});

test("the link is copied, and the theme is kept", async () => {
  const { page, close } = await open(state, "/?f.segment=SMB");
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("status").filter({ hasText: "Link copied" }).waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await settled(page);
  assert.equal(await background(), dark);
  await close();
});
