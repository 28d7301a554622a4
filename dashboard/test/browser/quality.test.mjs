// Keyboard, assistive technology, print, small screens, and an API that fails or is slow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { harness, isBoard, isTable, open, rewrite, settled, text, violations } from "./harness.mjs";

const state = harness();
const PLACES = { board: "/", "board as tables": "/?tables=waterfall,trend,expansion,base,cohorts", definition: "/?info=nrr", customers: "/?drill=expansion_mrr&from=2025-01-01&to=2026-01-01", explore: "/explore?metrics=expansion_mrr,nrr&by=segment", catalogue: "/catalog?metric=nrr" };

for (const colorScheme of ["light", "dark"])
  for (const [name, path] of Object.entries(PLACES))
    test(`axe finds nothing: ${name}, ${colorScheme}`, async () => {
      const { page, close } = await open(state, path, { colorScheme });
      assert.deepEqual(await violations(page), []);
      await close();
    });

test("axe finds nothing on a phone, and nothing runs off its side", async () => {
  for (const path of ["/", "/explore", "/catalog"]) {
    const { page, close } = await open(state, path, { viewport: { width: 360, height: 740 } });
    assert.deepEqual(await violations(page), []);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, path);
    await close();
  }
});

test("everything can be reached and left by keyboard", async () => {
  const { page, close } = await open(state, "/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the numbers");
  const first = page.locator('[data-tile="waterfall"] a').first();
  await first.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  assert.match(label, /^Reactivation/);
  assert.equal(await page.locator('[data-tile="waterfall"] svg a[tabindex="0"]').count(), 1);
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  const reached = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let step = 0; step < 120; step += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const mark = element.closest(".chart a")?.firstElementChild;
      const visible = style.outlineStyle !== "none" || (mark && getComputedStyle(mark).strokeWidth === "3px");
      return { tile: element.closest("[data-tile]")?.dataset.tile ?? null, visible, name: element.outerHTML.slice(0, 90), body: element === document.body };
    });
    assert.ok(here.body || here.visible, `no visible focus: ${here.name}`);
    if (here.tile) reached.add(here.tile);
  }
  for (const tile of ["kpi-nrr", "waterfall", "trend", "expansion", "cohorts", "attach", "duration", "credit"]) assert.ok(reached.has(tile), tile);
  await close();
});

test("print is light, A4 landscape and without controls", async () => {
  const { page, close } = await open(state, "/", { colorScheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".tile")).backgroundColor), "rgb(255, 255, 255)");
  for (const hidden of [".controls", ".tile .tools", ".top nav", ".top .tools"]) assert.equal(await page.locator(hidden).first().isVisible(), false, hidden);
  for (const kept of ["h1", ".trust", ".kpi .value", ".kpi .status", '[data-tile="waterfall"] .chart > svg', '[data-tile="credit"] td']) assert.equal(await page.locator(kept).first().isVisible(), true, kept);
  const pdf = (await page.pdf({ preferCSSPageSize: true, printBackground: true })).toString("latin1");
  const sizes = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map(([, width, height]) => [Math.round(Number(width)), Math.round(Number(height))]);
  assert.ok(sizes.length >= 3 && sizes.length <= 8, `${sizes.length} pages`);
  for (const size of sizes) assert.deepEqual(size, [842, 595]);
  await close();
});

test("motion is for those who want it", async () => {
  let release;
  const gate = new Promise((resolve) => { release = resolve; });
  const { page, close } = await open(state, "/", { wait: false, prepare: (page) => page.route("**/graphql", async (route) => { await gate; await route.continue(); }) });
  await page.waitForSelector(".skeleton");
  const moving = () => page.evaluate(() => getComputedStyle(document.querySelector(".skeleton")).animationName);
  assert.equal(await moving(), "none");
  await page.emulateMedia({ reducedMotion: "no-preference" });
  assert.equal(await moving(), "breathe");
  release();
  await settled(page);
  await close();
});

test("the policy of the page allows nothing from elsewhere and nothing inline", async () => {
  for (const path of ["/", "/explore", "/catalog"]) {
    const policy = (await fetch(state.base + path)).headers.get("content-security-policy");
    assert.match(policy, /^default-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const page = await (await fetch(state.base + path)).text();
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
    assert.doesNotMatch(page, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/);
  }
});

test("a filter chosen while the last one loads wins, whichever answer comes last", async () => {
  const waiting = [];
  const { page, close } = await open(state, "/");
  await page.route("**/graphql", (route) => { isBoard(JSON.parse(route.request().postData())) ? waiting.push(route) : void route.continue(); });
  await page.getByRole("button", { name: "SMB" }).click();
  await page.getByRole("button", { name: "Enterprise" }).click();
  await page.getByRole("button", { name: "SMB" }).click();
  await page.waitForFunction(() => location.search === "?f.segment=Enterprise");
  for (const route of waiting.splice(0).reverse()) await route.continue();
  await page.unroute("**/graphql");
  await settled(page);
  const shown = await text(page, ".kpis");
  const fresh = await open(state, "/?f.segment=Enterprise");
  assert.equal(shown, await text(fresh.page, ".kpis"));
  await fresh.close();
  await close();
});

test("a failing tile of a project's own, and a failing Explore, say so and try again", async () => {
  let broken = true;
  const refuse = (page) => rewrite(page, (body, request) => (broken && isTable(request) ? { data: { metrics: null }, errors: [{ message: "Too many questions at once.", path: ["metrics"], extensions: { code: "OVERLOADED", requestId: "req-7" } }] } : body));
  for (const path of ["/", "/explore"]) {
    broken = true;
    const { page, close } = await open(state, path, { prepare: refuse });
    assert.match(await text(page, ".failure"), /Too many questions at once\. Code OVERLOADED, request req-7/);
    broken = false;
    for (const button of (await page.getByRole("button", { name: "Try again" }).all()).reverse()) await button.click();
    await settled(page);
    assert.equal(await page.locator(".failure").count(), 0);
    await close();
  }
});

test("one failing field fails one tile, with its request id, and can be tried again", async () => {
  let broken = true;
  const { page, seen, close } = await open(state, "/", {
    prepare: (page) =>
      rewrite(page, (body, request) => {
        if (!isBoard(request) || !broken) return body;
        body.data.expansion = null;
        return { ...body, errors: [{ message: "The table mrr_movements cannot be read now.", path: ["expansion"], extensions: { code: "STORE_UNAVAILABLE", requestId: "req-42" } }] };
      }),
  });
  const tile = page.locator('[data-tile="expansion"]');
  assert.match(await tile.innerText(), /mrr_movements cannot be read now[\s\S]*STORE_UNAVAILABLE, request req-42/);
  assert.equal(await page.locator(".failure").count(), 1);
  broken = false;
  await tile.getByRole("button", { name: "Try again" }).click();
  await tile.locator("svg").first().waitFor();
  await settled(page);
  assert.equal(await page.locator(".failure").count(), 0);
  assert.equal(seen.requests.findLast(isBoard).variables.retention, false);
  await close();
});

test("a server that cannot be reached is said so on every tile", async () => {
  const { page, close } = await open(state, "/", { expectErrors: true, wait: false, prepare: (page) => page.route("**/graphql", (route) => route.abort()) });
  await page.waitForSelector(".failure");
  assert.match(await text(page, '[data-tile="waterfall"]'), /cannot be reached.*NETWORK/);
  await page.unroute("**/graphql");
  await page.locator('[data-tile="waterfall"]').getByRole("button", { name: "Try again" }).click();
  await page.locator('[data-tile="waterfall"] svg a').first().waitFor();
  await close();
});

test("old numbers never stand beside a new question that failed", async () => {
  const { page, close } = await open(state, "/", { expectErrors: true });
  assert.match(await text(page, "h1"), /%/);
  await page.route("**/graphql", (route) => route.abort());
  await page.getByRole("button", { name: "SMB" }).click();
  await page.waitForSelector(".failure");
  assert.doesNotMatch(await text(page, "main"), /\d%/);
  await close();
});

test("while it loads, skeletons hold the places; then old numbers stay, dimmed", async () => {
  let release;
  const gate = () => new Promise((resolve) => { release = resolve; });
  let waiting = gate();
  const { page, close } = await open(state, "/", { wait: false, prepare: (page) => page.route("**/graphql", async (route) => { await waiting; await route.continue(); }) });
  await page.waitForSelector('[data-tile="waterfall"] .skeleton');
  const before = await page.locator(".kpi").first().boundingBox();
  release();
  await settled(page);
  const loaded = await page.locator(".kpi").first().boundingBox();
  assert.ok(Math.abs(before.height - loaded.height) <= 12, `${before.height} then ${loaded.height}`);
  const value = await text(page, '[data-tile="kpi-nrr"] .value');
  waiting = gate();
  await page.getByRole("button", { name: "SMB" }).click();
  await page.waitForSelector('[data-tile="kpi-nrr"] .stale');
  assert.equal(await text(page, '[data-tile="kpi-nrr"] .value'), value);
  release();
  await settled(page);
  await close();
});

test("filters that match nothing say so", async () => {
  const { page, close } = await open(state, "/?f.segment=No%20such%20segment");
  assert.match(await text(page, '[data-tile="waterfall"]'), /filters/);
  assert.deepEqual(await violations(page), []);
  await close();
});
