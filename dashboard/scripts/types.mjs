// Checks the stored documents against the schema and writes the TypeScript types of their answers
// and variables to src/api/types.gen.ts. Names that come from the definitions (metrics, dimensions)
// are strings: a metric added to the files needs no rebuild.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as g from "graphql";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const schema = g.buildSchema(readFileSync(process.argv[2] ?? join(root, "..", "schema", "schema.graphql"), "utf8"));

const SCALARS = { String: "string", ID: "string", Int: "number", Float: "number", Boolean: "boolean", Decimal: "number", Date: "string", DateTime: "string", JSON: "Json" };
const OPEN = { MetricName: "string", DimensionName: "string", Where: "Where" };
const DIRECTIVES = new Set(["include", "skip"]);

const enums = new Set();
const inputs = new Set();

function leaf(type) {
  if (OPEN[type.name]) return OPEN[type.name];
  if (g.isEnumType(type)) {
    enums.add(type);
    return type.name;
  }
  if (g.isInputObjectType(type)) {
    inputs.add(type);
    return type.name;
  }
  return SCALARS[type.name] ?? "unknown";
}

/** Wraps a rendered named type in the lists and nulls that surround it. */
function wrap(type, render) {
  if (g.isNonNullType(type)) return inner(type.ofType, render);
  return `${inner(type, render)} | null`;
}
function inner(type, render) {
  return g.isListType(type) ? `Array<${wrap(type.ofType, render)}>` : render(type);
}

function selection(set, parent, fragments) {
  const fields = collect(set, parent, fragments).map(({ node, type, optional }) => {
    const key = node.alias?.value ?? node.name.value;
    const text = wrap(type, (named) => (node.selectionSet ? selection(node.selectionSet, named, fragments) : leaf(named)));
    return `${key}${optional ? "?" : ""}: ${text}`;
  });
  return `{ ${fields.join("; ")} }`;
}

function collect(set, parent, fragments) {
  return set.selections.flatMap((node) => {
    if (node.kind === g.Kind.FRAGMENT_SPREAD) return collect(fragments.get(node.name.value).selectionSet, parent, fragments);
    if (node.kind === g.Kind.INLINE_FRAGMENT) return collect(node.selectionSet, parent, fragments);
    const optional = (node.directives ?? []).some((directive) => DIRECTIVES.has(directive.name.value));
    return [{ node, type: parent.getFields()[node.name.value].type, optional }];
  });
}

function variables(operation) {
  const parts = (operation.variableDefinitions ?? []).map((definition) => {
    const type = g.typeFromAST(schema, definition.type);
    const optional = !g.isNonNullType(type) || definition.defaultValue;
    return `${definition.variable.name.value}${optional ? "?" : ""}: ${wrap(type, leaf)}`;
  });
  return `{ ${parts.join("; ")} }`;
}

const out = [];
const folder = join(root, "..", "queries");
for (const file of readdirSync(folder).filter((name) => name.endsWith(".graphql")).sort()) {
  const document = g.parse(readFileSync(join(folder, file), "utf8"));
  const problems = g.validate(schema, document);
  if (problems.length) {
    console.error(`queries/${file}:\n${problems.map((problem) => `  ${problem.message}`).join("\n")}`);
    process.exitCode = 1;
    continue;
  }
  const fragments = new Map(document.definitions.filter((d) => d.kind === g.Kind.FRAGMENT_DEFINITION).map((d) => [d.name.value, d]));
  for (const operation of document.definitions.filter((d) => d.kind === g.Kind.OPERATION_DEFINITION)) {
    out.push(`/** queries/${file} */`);
    out.push(`export type ${operation.name.value}Data = ${selection(operation.selectionSet, schema.getQueryType(), fragments)};`);
    out.push(`export type ${operation.name.value}Variables = ${variables(operation)};`);
  }
}
for (const input of inputs) {
  const fields = Object.values(input.getFields()).map((field) => `${field.name}${g.isNonNullType(field.type) ? "" : "?"}: ${wrap(field.type, leaf)}`);
  out.push(`export type ${input.name} = { ${fields.join("; ")} };`);
}
for (const type of enums) out.push(`export type ${type.name} = ${type.getValues().map((value) => `"${value.name}"`).join(" | ")};`);

const header = `// Generated from the schema and queries/*.graphql by scripts/types.mjs. Do not edit.
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Where = { [dimension: string]: Json };
`;
const target = join(root, "src", "api", "types.gen.ts");
const text = `${header}${out.join("\n")}\n`;
// Left alone when nothing changed, so that no build starts for it.
if (!process.exitCode && !(existsSync(target) && readFileSync(target, "utf8") === text)) writeFileSync(target, text);
