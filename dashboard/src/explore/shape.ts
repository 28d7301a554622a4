// The flat table of the API as the page's table: periods and values by their columns.
import type { Grain, MetricTableData } from "../api/types.gen.ts";
import type { Cell, TableData } from "../table.ts";

export type Answer = NonNullable<MetricTableData["metrics"]>;
export type FlatRow = Record<string, string | number | boolean | null>;

export function tableOf(answer: Answer, grain: Grain | null): TableData {
  return {
    columns: answer.columns.map((column) => ({
      key: column.name, label: column.label, unit: column.unit,
      text: column.kind === "PERIOD" || column.kind === "DIMENSION",
      ...(column.kind === "PERIOD" ? { grain } : {}),
      ...(column.unit === "currency" ? { style: "exact" as const } : {}),
    })),
    rows: answer.rows.map((row) => answer.columns.map((column): Cell => (row as FlatRow)[column.name] ?? null)),
  };
}
