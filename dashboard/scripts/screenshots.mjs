// Takes the pictures of README and docs: board, explore and catalogue in light and dark, of the
// demo as everybody gets it. Usage: node scripts/screenshots.mjs [folder] [base URL]
// Without a URL it starts the binary of the tests over a fresh demo.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { start } from "../test/server.mjs";

const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "images");
const server = process.argv[3] ? { base: process.argv[3], stop() {} } : await start({ own: false, customers: 20_000 });
const PAGES = { board: "/", explore: "/explore?metrics=expansion_mrr,nrr&by=segment", catalogue: "/catalog?metric=nrr" };

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const colorScheme of ["light", "dark"])
  for (const [name, path] of Object.entries(PAGES)) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme, reducedMotion: "reduce" });
    await page.goto(server.base + path);
    await page.waitForSelector("[data-tile]");
    await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton, .chart:empty'), null, { timeout: 120_000 });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
    await page.close();
  }
await browser.close();
server.stop();
