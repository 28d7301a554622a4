// The real binary over a demo warehouse of its own, for as long as the tests run. Whatever is
// missing (the binary, its dashboard, Chromium) is an error, never a reason to skip.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const BINARY = process.env.UPSWELL_BIN ?? join(here, "..", "..", "target", "debug", "upswell");
const CUSTOMERS = 1500;
const PATIENCE = 120_000;

/** Starts a server of the demo on a free port; `own` adds the tests' definitions and tiles to it. */
export async function start({ own = true, customers = CUSTOMERS } = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: \`cargo test --no-run\` builds it, or name one with UPSWELL_BIN.`);
  const project = mkdtempSync(join(tmpdir(), "upswell-dashboard-"));
  if (own) cpSync(join(here, "project"), project, { recursive: true });
  const child = spawn(BINARY, ["demo", "--dir", project, "--customers", String(customers), "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, RUST_LOG: "warn" } });
  const stop = () => {
    child.kill();
    rmSync(project, { recursive: true, force: true });
  };
  try {
    const base = await address(child);
    const page = await (await fetch(base)).text();
    if (!page.includes('id="app"')) throw new Error(`${BINARY} was built without the dashboard: build it again with UPSWELL_REQUIRE_DASHBOARD=1.`);
    return { base, project, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function address(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    const listen = (chunk) => {
      said += chunk;
      const found = said.match(/listens on (http:\S+)/);
      if (found) resolve(found[1]);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${BINARY} stopped with ${code}:\n${said}`)));
    setTimeout(() => reject(new Error(`${BINARY} did not listen within ${PATIENCE / 1000} s:\n${said}`)), PATIENCE).unref();
  });
}
