// A table as data: what the page shows as a table and what it saves as CSV are the same rows.
import type { Grain } from "./api/types.gen.ts";
import { formatPeriod, formatValue, type Style } from "./format.ts";

export type Cell = string | number | boolean | null;
/** `grain`: the cells are starts of periods, which the page names and CSV keeps as days. */
export type Column = { key: string; label: string; unit?: string | null; text?: boolean; style?: Style; grain?: Grain | null };
/** `links`: where a row's first cell leads, if anywhere. */
export type TableData = { columns: Column[]; rows: Cell[][]; links?: Array<string | null> };

export function show(cell: Cell, column: Column): string {
  if (column.grain && typeof cell === "string") return formatPeriod(cell, column.grain);
  if (column.text) return cell === null ? "–" : String(cell);
  return formatValue(cell, column.unit, column.style ?? "full");
}

/** RFC 4180. Text that a spreadsheet would run as a formula is led by an apostrophe. */
export function toCsv(table: TableData): string {
  const field = (cell: Cell): string => {
    if (cell === null) return "";
    const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [table.columns.map((column) => field(column.key)), ...table.rows.map((row) => row.map(field))];
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

export function save(name: string, content: Blob): void {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(content);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
