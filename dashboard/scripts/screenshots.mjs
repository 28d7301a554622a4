// Takes the pictures for README and docs of a running server, in light and dark, at desk and phone
// size and as printed. Usage: node scripts/screenshots.mjs [base URL] [folder]
// Without a URL it starts the mock.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const folder = process.argv[3] ?? "screenshots";
const mock = process.argv[2] ? null : await (await import("../test/mock/server.mjs")).start();
const base = process.argv[2] ?? mock.base;
const PAGES = { board: "/", explore: "/explore?metrics=expansion_mrr,nrr&by=segment", catalogue: "/catalog?metric=nrr" };
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const colorScheme of ["light", "dark"])
  for (const [size, viewport] of Object.entries(SIZES))
    for (const [name, path] of Object.entries(PAGES)) {
      const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
      await page.goto(base + path);
      await settled(page);
      const file = `${folder}/${name}-${size}-${colorScheme}`;
      if (size === "desk") await page.screenshot({ path: `${file}.png` });
      await page.screenshot({ path: `${file}-full.png`, fullPage: true });
      await page.close();
    }
const page = await browser.newPage({ viewport: SIZES.desk, colorScheme: "dark" });
await page.goto(`${base}/`);
await settled(page);
await page.pdf({ path: `${folder}/board.pdf`, preferCSSPageSize: true, printBackground: true });
await browser.close();
mock?.stop();

async function settled(target) {
  await target.waitForSelector("[data-tile]");
  await target.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'));
  await target.waitForTimeout(300);
}
