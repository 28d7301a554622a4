// What the address says about a question of one's own, as variables and as a document to copy.
import type { Compare, Grain, Json, MetricTableVariables } from "../api/types.gen.ts";
import { readFilters, whereOf } from "../board/state.ts";

export type ExploreState = {
  metrics: string[];
  by: string[];
  grain: Grain | null;
  last: number | null;
  start: string | null;
  end: string | null;
  compare: Compare | null;
  filters: Map<string, string[]>;
  sort: string | null;
  ascending: boolean;
  limit: number;
};

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const EXPLORE_GRAINS: Grain[] = ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
const list = (text: string | null) => (text ?? "").split(",").filter(Boolean);
const date = (text: string | null) => (text && DATE.test(text) ? text : null);

export function readExplore(params: URLSearchParams): ExploreState {
  const metrics = list(params.get("metrics"));
  const start = date(params.get("start"));
  const end = date(params.get("end"));
  const asked = params.get("grain")?.toUpperCase();
  const ranged = start !== null || (end !== null && !params.has("last"));
  const grain = asked === "NONE" ? null : (EXPLORE_GRAINS.find((one) => one === asked) ?? (ranged ? null : "QUARTER"));
  const compare = params.get("compare")?.toUpperCase();
  return {
    metrics: metrics.length ? metrics : ["expansion_mrr"],
    by: list(params.get("by")),
    grain,
    last: ranged || grain === null ? null : Math.min(Math.max(Number(params.get("last")) || 8, 1), 400),
    start,
    end,
    compare: compare === "PREVIOUS_YEAR" || compare === "PREVIOUS_PERIOD" ? compare : null,
    filters: readFilters(params, "f."),
    sort: params.get("sort"),
    ascending: params.get("order") === "asc",
    limit: Math.min(Math.max(Number(params.get("limit")) || 200, 1), 10_000),
  };
}

export function variablesOf(state: ExploreState): MetricTableVariables {
  const period = state.last !== null ? { last: state.last, ...(state.end ? { end: state.end } : {}) } : { ...(state.start ? { start: state.start } : {}), ...(state.end ? { end: state.end } : {}) };
  return {
    select: state.metrics,
    ...(Object.keys(period).length ? { period } : {}),
    ...(state.grain ? { grain: state.grain } : {}),
    ...(state.by.length ? { groupBy: state.by } : {}),
    ...(state.filters.size ? { where: whereOf(state.filters) } : {}),
    ...(state.compare ? { compareTo: [state.compare] } : {}),
    ...(state.sort ? { orderBy: [{ by: state.sort, descending: !state.ascending }] } : {}),
    limit: state.limit,
  };
}

const ENUMS = new Set(["select", "grain", "groupBy", "compareTo"]);

/** A literal as GraphQL writes it: bare keys, bare enum values. */
function literal(value: unknown, bare: boolean): string {
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, bare)).join(", ")}]`;
  if (value !== null && typeof value === "object") return `{ ${Object.entries(value as Record<string, Json>).map(([key, one]) => `${key}: ${literal(one, false)}`).join(", ")} }`;
  return bare ? String(value) : JSON.stringify(value);
}

/** The question as a document that stands by itself. */
export function documentOf(state: ExploreState): string {
  const args = Object.entries(variablesOf(state)).map(([key, value]) => `    ${key}: ${literal(value, ENUMS.has(key))}`);
  return `{\n  metrics(\n${args.join("\n")}\n  ) {\n    columns { name label kind dataType unit }\n    rows\n    truncated\n    provenance { definitionVersion snapshot dataThrough }\n  }\n}\n`;
}
