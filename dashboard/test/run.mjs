// Runs the browser tests against a running server, or against the mock when none is named.
// Usage: node test/run.mjs [base URL] [--test-name-pattern …]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const named = process.argv[2]?.startsWith("http") ? process.argv[2] : null;
const rest = process.argv.slice(named ? 3 : 2);
const files = readdirSync(join(here, "browser")).filter((name) => name.endsWith(".test.mjs")).map((name) => join(here, "browser", name));
const done = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...rest, ...files], { stdio: "inherit", env: { ...process.env, ...(named ? { UPSWELL_URL: named.replace(/\/$/, "") } : {}) } });
process.exit(done.status ?? 1);
