// The customers behind a number: a metric by customer over a period, largest first, a page at a time.
import { METRIC_TABLE } from "../api/documents.ts";
import type { Where } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { NULL, readFilters, whereOf } from "../board/state.ts";
import { formatDate, formatEnd, formatValue, setProject, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import { save, toCsv, type Cell, type TableData } from "../table.ts";
import { DataTable } from "./data-table.tsx";
import { FailureNote } from "./failure.tsx";
import { Panel } from "./panel.tsx";
import { Skeleton } from "./tile.tsx";

const PAGE = 50;

/** The address of a drill-down from the page in view. */
export function drillLink(metric: string, from: string, to: string, slice: Record<string, string | string[] | null> = {}, via: string | null = null): string {
  const extra = Object.fromEntries(Object.entries(slice).map(([dimension, value]) => [`d.${dimension}`, value ?? NULL]));
  return link({ drill: metric, from, to, page: null, via, ...extra });
}

function closing(params: URLSearchParams): string {
  const gone = [...params.keys()].filter((key) => key.startsWith("d."));
  return link({ drill: null, from: null, to: null, page: null, via: null, ...Object.fromEntries(gone.map((key) => [key, null])) });
}

/** The same question in Explore, with the board's filters and the slice (but for a range of days). */
function exploreLink(params: URLSearchParams, metric: string, from: string | null, to: string | null): string {
  const filters = [...readFilters(params, "f."), ...readFilters(params, "d.")].filter(([name]) => name !== "acquired_on");
  return link({ metrics: metric, by: "customer_name", start: from, end: to, sort: metric, ...Object.fromEntries(filters.map(([name, values]) => [`f.${name}`, values])) }, "/explore", null);
}

export function CustomersPanel({ params }: { params: URLSearchParams }) {
  const metric = params.get("drill") ?? "";
  const from = params.get("from");
  const to = params.get("to");
  const page = Math.max(0, Number(params.get("page") ?? 0) || 0);
  const slice = readFilters(params, "d.");
  const asked = useAsk(METRIC_TABLE, {
    select: [metric],
    period: { ...(from ? { start: from } : {}), ...(to ? { end: to } : {}) },
    groupBy: ["customer_id", "customer_name", "segment"],
    where: bothOf(whereOf(readFilters(params, "f.")), sliceWhere(slice)),
    having: { [metric]: { gt: 0 } },
    orderBy: [{ by: metric, descending: true }, { by: "customer_id" }],
    limit: PAGE,
    offset: page * PAGE,
  });
  const answer = asked.data?.metrics;
  if (asked.data?.catalog) setProject(asked.data.catalog);
  const column = answer?.columns.find((one) => one.name === metric);
  const table: TableData | null = answer ? {
    columns: [{ key: "customer_name", label: "Customer", text: true }, { key: "customer_id", label: "ID", text: true }, { key: "segment", label: "Segment", text: true }, { key: metric, label: column?.label ?? metric, unit: column?.unit ?? null, style: "exact" }],
    rows: answer.rows.map((row) => ["customer_name", "customer_id", "segment", metric].map((key) => (row as Record<string, Cell>)[key] ?? null)),
  } : null;
  const label = column?.label ?? words(metric);
  const total = (answer?.totals as Record<string, Cell> | null | undefined)?.[metric] ?? null;
  const ofWaterfall = params.get("via") === "waterfall";
  return (
    <Panel title={`Customers behind ${label}`} onClose={() => navigate(closing(params))}>
      <p class="subtitle">{sliceWords(slice, from, to)}{total !== null && <>, <strong>{formatValue(total, column?.unit, "exact")}</strong> in all</>}</p>
      {ofWaterfall && <p class="small">Recorded movements of every customer in the period. The waterfall’s steps are those of the customers of its opening day, and its “new” is what the others have become: the two can differ.</p>}
      {asked.failure ? <FailureNote failure={asked.failure} retry={asked.retry} />
        : !table ? <Skeleton height={480} />
        : table.rows.length === 0 ? <p class="empty">No customer has {label} here.</p>
        : <div class={asked.loading ? "stale" : ""}><DataTable table={table} caption={`Customers behind ${label}`} /></div>}
      {table && (
        <p class="panel-actions">
          {page > 0 && <a class="button" href={link({ page: String(page - 1) })}>Previous {PAGE}</a>}
          {answer?.truncated && <a class="button" href={link({ page: String(page + 1) })}>Next {PAGE}</a>}
          <button type="button" class="button" onClick={() => save(`upswell-customers-${metric}.csv`, new Blob([toCsv(table)], { type: "text/csv" }))}>Save as CSV</button>
          <a class="button" href={exploreLink(params, metric, from, to)}>Open in Explore</a>
        </p>
      )}
    </Panel>
  );
}

/** A cohort is a range of days of acquisition; everything else is a value. */
function sliceWhere(slice: Map<string, string[]>): Where | null {
  const values = new Map([...slice].filter(([name]) => name !== "acquired_on"));
  const range = slice.get("acquired_on");
  const cohort = range ? { acquired_on: { gte: range[0] ?? null, lt: range[1] ?? null } } : null;
  return bothOf(whereOf(values), cohort);
}

function bothOf(one: Where | null, other: Where | null): Where | null {
  return one && other ? { and: [one, other] } : (one ?? other);
}

function sliceWords(slice: Map<string, string[]>, from: string | null, to: string | null): string {
  const parts = [...slice].map(([dimension, values]) =>
    dimension === "acquired_on" ? `acquired ${formatDate(values[0] ?? null)} to ${formatEnd(values[1] ?? null)}` : `${words(dimension).toLowerCase()} ${values.map((value) => (value === NULL ? "not set" : value)).join(" or ")}`,
  );
  return [`${formatDate(from)} to ${formatEnd(to)}`, ...parts].join(", ");
}
