// Called by build.rs: installs the locked packages if they are not there yet, builds the bundle,
// compresses it, and writes the Rust table of its files. Usage: node scripts/embed.mjs OUT_DIR
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = process.argv[2];
const bundle = join(out, "dashboard");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".map": "application/json" };

try {
  install();
  run("node", [join("node_modules", "vite", "bin", "vite.js"), "build", "--logLevel", "warn"], { DASHBOARD_OUT: bundle });
  addExplorer();
  writeTable();
} catch (error) {
  const lines = String(error.stderr || error.message).trim().split("\n");
  console.error(`the dashboard could not be built: ${(lines.find((line) => /error/i.test(line)) ?? lines[0]).trim()}`);
  process.exit(1);
}

function run(command, args, env = {}) {
  execFileSync(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
}

/** Once per lockfile; an installation that a developer made (with the tools for tests) is kept. */
function install() {
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const wanted = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies);
  const version = (name) => {
    const file = join(root, "node_modules", name, "package.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : null;
  };
  if (wanted.every((name) => version(name) === locked[`node_modules/${name}`].version)) return;
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-timeout=30000"]);
}

/** GraphiQL as its package ships it, and the page that starts it. */
function addExplorer() {
  const shipped = {
    "graphiql-3.9.0.css": "graphiql/graphiql.min.css",
    "graphiql-3.9.0.js": "graphiql/graphiql.min.js",
    "react-18.3.1.js": "react/umd/react.production.min.js",
    "react-dom-18.3.1.js": "react-dom/umd/react-dom.production.min.js",
  };
  for (const [name, path] of Object.entries(shipped)) copyFileSync(join(root, "node_modules", path), join(bundle, "assets", name));
  for (const name of ["explorer.css", "explorer.js"]) copyFileSync(join(root, "explorer", name), join(bundle, "assets", name));
  copyFileSync(join(root, "explorer", "index.html"), join(bundle, "explorer.html"));
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function writeTable() {
  const packed = join(out, "dashboard-packed");
  rmSync(packed, { recursive: true, force: true });
  mkdirSync(packed);
  const rows = files(bundle).sort().map((file, index) => {
    const content = readFileSync(file);
    const form = (ending, bytes) => {
      if (bytes.length >= content.length) return "None";
      const path = join(packed, `${index}.${ending}`);
      writeFileSync(path, bytes);
      return `Some(include_bytes!(${JSON.stringify(path)}))`;
    };
    const name = relative(bundle, file).split(sep).join("/");
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
    return `    Asset {
        name: ${JSON.stringify(name)},
        content_type: ${JSON.stringify(TYPES[extname(file)] ?? "application/octet-stream")},
        hash: "${hash}",
        plain: include_bytes!(${JSON.stringify(file)}),
        gzip: ${form("gz", gzipSync(content, { level: 9 }))},
        brotli: ${form("br", brotliCompressSync(content))},
    },`;
  });
  writeFileSync(join(out, "dashboard_assets.rs"), `static ASSETS: &[Asset] = &[\n${rows.join("\n")}\n];\n`);
}
