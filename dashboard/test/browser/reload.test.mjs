// A reload with a broken definition: the board says so and goes on. Named to run after all others,
// for it changes the project under the server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { harness, isBoard, open, rewrite, text } from "./harness.mjs";

const state = harness();

test("a broken definition shows in the badge, with its file and line", async () => {
  const { page, close } = await open(state, "/", {
    prepare: (page) => rewrite(page, (body, request) => { if (isBoard(request)) body.data.catalog.problems = [{ code: "U0102", severity: "error", message: "unknown metric `nrrr`", file: "metrics/support.yml", line: 7 }]; return body; }),
  });
  await page.getByRole("button", { name: "1 problem in the definitions" }).click();
  const panel = await text(page, "dialog");
  assert.match(panel, /unknown metric `nrrr`/);
  assert.match(panel, /metrics\/support\.yml:7/);
  await close();
});
