// A reload with a broken definition: the board goes on, and says what is wrong and where. Named to
// run after all others, for it changes the project under the server.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { harness, open, settled, text } from "./harness.mjs";

const state = harness();
const ADDED = "metrics:\n  - name: offers_ignored\n    label: Offers ignored\n    description: Offers that nobody answered.\n    kind: aggregate\n    dataset: offers\n    aggregate: count\n    filter: outcome = 'ignored'\n";
const BROKEN = "metrics:\n  - name: halved\n    description: Names a metric that is not there.\n    kind: ratio\n    numerator: nrrr\n    denominator: mrr\n";
const reload = async () => {
  const answer = await fetch(`${state.base}/admin/reload`, { method: "POST" });
  return [answer.status, await answer.json()];
};

test("a broken definition changes no number, and is said with its file and line until it is mended", async () => {
  const file = join(state.project, "metrics", "changed.yml");
  const { page, close } = await open(state, "/");
  const before = await text(page, ".kpis");
  assert.match(await text(page, ".trust"), /Definitions healthy/);
  try {
    writeFileSync(file, BROKEN);
    assert.equal((await reload())[0], 422);
    await page.reload();
    await settled(page);
    assert.equal(await text(page, ".kpis"), before);
    await page.getByRole("button", { name: /^1 problem in the definitions/ }).click();
    const panel = await text(page, "dialog");
    assert.match(panel, /nrrr/);
    assert.match(panel, /metrics\/changed\.yml:5/);
    assert.match(panel, /last good definitions/);
    await page.goto(`${state.base}/catalog`);
    await page.waitForSelector(".entries");
    assert.match(await text(page, 'section[aria-label="Problems"]'), /metrics\/changed\.yml:5/);
    writeFileSync(file, ADDED);
    assert.equal((await reload())[0], 200);
    await page.goto(`${state.base}/catalog?metric=offers_ignored`);
    await page.waitForSelector('[data-tile="definition"] .formula');
    assert.match(await text(page, '[data-tile="definition"]'), /Offers that nobody answered\./);
  } finally {
    rmSync(file, { force: true });
    await reload();
  }
  await page.goto(state.base);
  await settled(page);
  assert.match(await text(page, ".trust"), /Definitions healthy/);
  assert.equal(await text(page, ".kpis"), before);
  await close();
});
