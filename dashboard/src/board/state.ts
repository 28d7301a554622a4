// What the address says about the board, and the questions that follow from it.
import type { AttachBasis, AttributionRule, BoardData, BoardVariables, Compare, Grain, Where } from "../api/types.gen.ts";

export type CohortMeasure = "revenue" | "logos" | "mrr" | "customers";

export type BoardState = {
  grain: Grain;
  last: number;
  /** Exclusive end of the period in view; null: the latest complete one. */
  end: string | null;
  compare: Compare | null;
  filters: Map<string, string[]>;
  rule: AttributionRule;
  basis: AttachBasis;
  attachBy: string;
  cohortMeasure: CohortMeasure;
  asShare: boolean;
};

export const GRAINS: Grain[] = ["MONTH", "QUARTER", "YEAR"];
export const RANGES: Record<string, number[]> = { MONTH: [12, 24, 36], QUARTER: [4, 8, 12], YEAR: [3, 5] };
export const RULES: Record<AttributionRule, string> = {
  OWNER_AT_EVENT: "Owner when it happened",
  CURRENT_OWNER: "Owner today",
  OWNER_AT_PERIOD_START: "Owner at the period’s start",
  OFFER_OWNER: "Presenter of the accepted offer",
};
export const BASES: Record<AttachBasis, string> = {
  ORDER: "Per order",
  CUSTOMER: "Per active customer",
  WITHIN_DAYS: "Within 90 days of first purchase",
};
export const COHORT_MEASURES: Record<CohortMeasure, string> = { revenue: "Revenue retention", logos: "Logo retention", mrr: "MRR", customers: "Customers" };
export const COMPARES: Record<Compare, string> = { PREVIOUS_YEAR: "a year earlier", PREVIOUS_PERIOD: "the period before" };
export const NULL = "~null";
const COHORT_QUARTERS = 12;

function oneOf<T extends string>(value: string | null, choices: readonly T[], otherwise: T): T {
  return choices.find((choice) => choice.toLowerCase() === value?.toLowerCase()) ?? otherwise;
}
const keys = <T extends string>(record: Record<T, unknown>) => Object.keys(record) as T[];

export function readBoard(params: URLSearchParams): BoardState {
  const grain = oneOf(params.get("grain"), GRAINS, "QUARTER");
  const last = Number(params.get("last"));
  const end = params.get("end");
  const compare = params.get("compare");
  return {
    grain,
    last: Number.isInteger(last) && last >= 2 && last <= 120 ? last : defaultRange(grain),
    end: end && /^\d{4}-\d{2}-\d{2}$/.test(end) ? end : null,
    compare: compare === "none" ? null : oneOf(compare, keys(COMPARES), "PREVIOUS_YEAR"),
    filters: readFilters(params, "f."),
    rule: oneOf(params.get("rule"), keys(RULES), "OWNER_AT_EVENT"),
    basis: oneOf(params.get("basis"), keys(BASES), "ORDER"),
    attachBy: params.get("attach_by") ?? "segment",
    cohortMeasure: oneOf(params.get("cohort"), keys(COHORT_MEASURES), "revenue"),
    asShare: params.get("expansion") === "share",
  };
}

export function defaultRange(grain: Grain): number {
  const ranges = RANGES[grain] ?? [12];
  return ranges[Math.min(1, ranges.length - 1)] as number;
}

/** `f.segment=SMB&f.segment=Enterprise`: any of them; several dimensions: all of them. */
export function readFilters(params: URLSearchParams, prefix: string): Map<string, string[]> {
  const filters = new Map<string, string[]>();
  for (const [key, value] of params) if (key.startsWith(prefix)) filters.set(key.slice(prefix.length), [...(filters.get(key.slice(prefix.length)) ?? []), value]);
  return filters;
}

export function whereOf(filters: Map<string, string[]>): Where | null {
  const where: Where = {};
  for (const [dimension, values] of filters) {
    const named = values.filter((value) => value !== NULL);
    if (named.length === values.length) where[dimension] = { in: named };
    else if (named.length === 0) where[dimension] = { isNull: true };
    else where.and = [...((where.and as Where[]) ?? []), { or: [{ [dimension]: { in: named } }, { [dimension]: { isNull: true } }] }];
  }
  return filters.size ? where : null;
}

/** What every tile of the board can be filtered by: attributes of customers, but not who they are. */
export function attributes(catalog: BoardData["catalog"] | undefined): Array<{ name: string; label: string }> {
  return (catalog?.filters ?? []).filter((one) => one.dataType === "string" && !one.name.startsWith("customer_"));
}

export const PARTS = ["kpis", "retention", "expansion", "base", "cohort", "attach", "duration", "credit", "catalogue"] as const;
export type Part = (typeof PARTS)[number];
type Names = Exclude<keyof BoardVariables, Part>;

/** The variables that each part of the board document reads: it is asked again when they change. */
const USES: Record<Part, Names[]> = {
  kpis: ["period", "cohortPeriod", "grain", "where", "compareTo"],
  retention: ["period", "grain", "where"],
  expansion: ["period", "grain", "where"],
  base: ["period", "grain", "where"],
  cohort: ["cohortPeriod", "where"],
  attach: ["latest", "grain", "basis", "attachBy", "where"],
  duration: ["where"],
  credit: ["latest", "grain", "rule", "where"],
  catalogue: ["chips"],
};

export type BoardQuestion = Pick<BoardVariables, Names>;

export function questionOf(state: BoardState): BoardQuestion {
  const end = state.end ? { end: state.end } : {};
  return {
    period: { last: state.last, ...end },
    latest: { last: 1, ...end },
    cohortPeriod: { last: COHORT_QUARTERS, ...end },
    grain: state.grain,
    where: whereOf(state.filters),
    compareTo: state.compare ? [state.compare] : [],
    rule: state.rule,
    basis: state.basis,
    attachBy: [state.attachBy],
    chips: "segment",
  };
}

export const keyOf = (part: Part, question: BoardQuestion): string => JSON.stringify(USES[part].map((name) => question[name]));
