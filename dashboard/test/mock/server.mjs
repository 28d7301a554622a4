// A stand-in for the binary in development: answers POST /graphql from a made-up company and serves
// the built bundle with the same headers. Usage: node test/mock/server.mjs [port] [through]
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSchema, graphql } from "graphql";
import { company, day } from "./world.mjs";
import { resolvers } from "./answers.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8" };
export const CSP = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}

function file(path) {
  const page = ["/", "/explore", "/catalog"].includes(path) ? "/index.html" : path;
  const full = join(root, "dist", normalize(page));
  return existsSync(full) ? [readFileSync(full), TYPES[extname(full)]] : null;
}

/** Starts the mock and resolves to its base URL and a way to stop it. */
export function start(port = 0, through = "2026-01-01") {
  const schema = buildSchema(readFileSync(join(root, "..", "schema", "schema.graphql"), "utf8"));
  const rootValue = resolvers(company(day(through)));
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://mock").pathname;
    if (path === "/graphql") {
      const { query, variables, operationName } = await body(request);
      const result = await graphql({ schema, source: query, rootValue, variableValues: variables, operationName });
      response.writeHead(200, { "content-type": "application/graphql-response+json", "x-request-id": "mock-request" });
      return response.end(JSON.stringify(result));
    }
    const found = file(path);
    response.writeHead(found ? 200 : 404, { "content-type": found?.[1] ?? "text/plain", "content-security-policy": CSP });
    return response.end(found?.[0] ?? "not found");
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve({ base: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { base } = await start(Number(process.argv[2] ?? 4000), process.argv[3]);
  console.log(base);
}
