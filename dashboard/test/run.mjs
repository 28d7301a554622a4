// Runs the browser tests against the binary, which it starts and stops.
// Usage: node test/run.mjs [--test-name-pattern …]
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "./server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(join(here, "browser")).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => join(here, "browser", name));
const server = await start();
const env = { ...process.env, UPSWELL_URL: server.base, UPSWELL_PROJECT: server.project };
// One file after the other: the last one changes the definitions under the server.
const tests = spawn(process.execPath, ["--test", "--test-concurrency=1", "--test-timeout=600000", "--test-reporter=spec", ...process.argv.slice(2), ...files], { stdio: "inherit", env });
const code = await new Promise((resolve) => tests.on("exit", resolve));
server.stop();
process.exit(code ?? 1);
