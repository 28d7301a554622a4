// Explore: any metrics by any dimensions, as a chart and a table, with the question behind it to copy.
import { useState } from "preact/hooks";
import { CATALOGUE, METRIC_TABLE } from "../api/documents.ts";
import type { CatalogueData } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { CustomersPanel } from "../components/customers.tsx";
import { DataTable } from "../components/data-table.tsx";
import { DefinitionPanel } from "../components/definition.tsx";
import { FailureNote } from "../components/failure.tsx";
import { MoreFilters } from "../components/filters.tsx";
import { prose } from "../components/prose.tsx";
import { Skeleton } from "../components/tile.tsx";
import { formatInstant, setProject, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import { save, toCsv } from "../table.ts";
import { ExploreChart } from "./chart.tsx";
import { tableOf } from "./shape.ts";
import { documentOf, readExplore, variablesOf, type ExploreState } from "./state.ts";

type Catalog = NonNullable<CatalogueData["catalog"]>;

export function ExplorePage({ params }: { params: URLSearchParams }) {
  const state = readExplore(params);
  const catalogue = useAsk(CATALOGUE, {});
  const asked = useAsk(METRIC_TABLE, variablesOf(state));
  const answer = asked.data?.metrics ?? null;
  if (asked.data?.catalog) setProject(asked.data.catalog);
  const catalog = catalogue.data?.catalog ?? null;
  if (catalog) setProject(catalog);
  const table = answer ? tableOf(answer, state.grain) : null;
  const title = state.metrics.map((name) => catalog?.metrics.find((metric) => metric.name === name)?.label ?? words(name)).join(", ") + (state.by.length ? ` by ${state.by.map((name) => words(name).toLowerCase()).join(" and ")}` : "");
  return (
    <main id="main" class="explore" tabIndex={-1}>
      <aside class="picker" aria-label="Question">
        {catalogue.failure ? <FailureNote failure={catalogue.failure} retry={catalogue.retry} /> : catalog ? <Pickers state={state} catalog={catalog} /> : <Skeleton height={520} />}
      </aside>
      <div class="answer">
        <h1>{title}</h1>
        <PeriodForm state={state} />
        <div class="filter-row"><MoreFilters filters={state.filters} dimensions={offered(catalog, state.metrics).filter((one) => one.dataType === "string")} /></div>
        <section class="tile full" aria-label="Answer" aria-busy={asked.loading} data-tile="answer">
          {asked.failure ? <FailureNote failure={asked.failure} retry={asked.retry} />
            : !answer || !table ? <Skeleton height={420} />
            : table.rows.length === 0 ? <p class="empty">No rows: nothing is recorded for this period and these filters.</p>
            : (
              <div class={asked.loading ? "stale" : ""}>
                <ExploreChart answer={answer} state={state} title={title} />
                <Sorts state={state} columns={answer.columns.map((column) => [column.name, column.label])} />
                <DataTable table={table} caption={title} />
                <p class="small">{answer.rowCount} rows{answer.truncated ? ` (cut at ${state.limit}; more exist)` : ""}. Data through {formatInstant(answer.provenance.dataThrough)}, definitions {answer.provenance.definitionVersion.slice(0, 8)}.{answer.provenance.notes.map((note) => <> {prose(note)}</>)}</p>
                <p><button type="button" class="button" onClick={() => save("upswell-explore.csv", new Blob([toCsv(table)], { type: "text/csv" }))}>Save as CSV</button></p>
              </div>
            )}
        </section>
        <Behind text={documentOf(state)} />
      </div>
      {params.has("info") && <DefinitionPanel key={params.get("info")} name={params.get("info") as string} />}
      {params.has("drill") && <CustomersPanel params={params} />}
    </main>
  );
}

/** The dimensions that every chosen metric can be cut by. */
function offered(catalog: Catalog | null, metrics: string[]): Catalog["dimensions"] {
  if (!catalog) return [];
  const chosen = catalog.metrics.filter((metric) => metrics.includes(metric.name));
  return catalog.dimensions.filter((dimension) => chosen.every((metric) => metric.dimensions.includes(dimension.name)));
}

function Pickers({ state, catalog }: { state: ExploreState; catalog: Catalog }) {
  const [search, setSearch] = useState("");
  const toggle = (key: string, names: string[], name: string) => {
    const next = names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
    navigate(link({ [key]: next.length ? next.join(",") : null, sort: null, order: null }));
  };
  const usable = new Set(offered(catalog, state.metrics).map((dimension) => dimension.name));
  const wanted = search.toLowerCase();
  const found = catalog.metrics.filter((metric) => !wanted || metric.name.includes(wanted) || metric.label.toLowerCase().includes(wanted));
  return (
    <>
      <fieldset>
        <legend>Metrics</legend>
        <input type="search" aria-label="Find a metric" placeholder="Find a metric" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <div class="options" tabIndex={0} role="group" aria-label="Metrics">
          {found.map((metric) => (
            <label key={metric.name} title={metric.available ? metric.description : (metric.unavailableBecause ?? "")}>
              <input type="checkbox" checked={state.metrics.includes(metric.name)} disabled={!metric.available} onChange={() => toggle("metrics", state.metrics, metric.name)} /> {metric.label}{metric.available ? "" : " (unavailable)"}
            </label>
          ))}
          {found.length === 0 && <p class="small">No metric has “{search}” in its name.</p>}
        </div>
      </fieldset>
      <fieldset>
        <legend>By</legend>
        <div class="options" tabIndex={0} role="group" aria-label="Dimensions">
          {catalog.dimensions.map((dimension) => (
            <label key={dimension.name} title={dimension.description ?? ""}>
              <input type="checkbox" checked={state.by.includes(dimension.name)} disabled={!usable.has(dimension.name) && !state.by.includes(dimension.name)} onChange={() => toggle("by", state.by, dimension.name)} /> {dimension.label}
            </label>
          ))}
        </div>
      </fieldset>
    </>
  );
}

function PeriodForm({ state }: { state: ExploreState }) {
  const ranged = state.last === null;
  const go = (change: Record<string, string | null>) => navigate(link(change));
  return (
    <form class="controls" aria-label="Period" onSubmit={(event) => event.preventDefault()}>
      <label class="choice"><span>Grain</span>
        <select value={state.grain ?? "none"} onChange={(event) => go({ grain: event.currentTarget.value.toLowerCase() })}>
          {["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"].map((grain) => <option key={grain} value={grain}>{words(grain.toLowerCase())}</option>)}
          <option value="none">Whole period</option>
        </select>
      </label>
      {!ranged && <label class="choice"><span>Last</span><input type="number" min={1} max={400} value={state.last ?? 8} onChange={(event) => go({ last: event.currentTarget.value })} /></label>}
      <label class="choice"><span>From</span><input type="date" value={state.start ?? ""} onChange={(event) => go({ start: event.currentTarget.value || null, last: null })} /></label>
      <label class="choice"><span>Before</span><input type="date" value={state.end ?? ""} onChange={(event) => go({ end: event.currentTarget.value || null })} /></label>
      <label class="choice"><span>Against</span>
        <select value={state.compare ?? ""} onChange={(event) => go({ compare: event.currentTarget.value.toLowerCase() || null })}>
          <option value="">Nothing</option><option value="PREVIOUS_YEAR">Previous year</option><option value="PREVIOUS_PERIOD">Previous period</option>
        </select>
      </label>
      <label class="choice"><span>Rows</span>
        <select value={String(state.limit)} onChange={(event) => go({ limit: event.currentTarget.value })}>{[...new Set([50, 200, 1000, 10000, state.limit])].sort((a, b) => a - b).map((count) => <option key={count} value={String(count)}>{count}</option>)}</select>
      </label>
    </form>
  );
}

function Sorts({ state, columns }: { state: ExploreState; columns: Array<[string, string]> }) {
  return (
    <div class="controls" role="group" aria-label="Order">
      <label class="choice"><span>Order by</span>
        <select value={state.sort ?? ""} onChange={(event) => navigate(link({ sort: event.currentTarget.value || null }))}>
          <option value="">Period and group</option>
          {columns.map(([name, label]) => <option key={name} value={name}>{label}</option>)}
        </select>
      </label>
      {state.sort && <button type="button" class="button" onClick={() => navigate(link({ order: state.ascending ? null : "asc" }))}>{state.ascending ? "Smallest first" : "Largest first"}</button>}
    </div>
  );
}

function Behind({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false));
  return (
    <details class="tile full behind">
      <summary>The GraphQL behind it</summary>
      <pre tabIndex={0}>{text}</pre>
      <button type="button" class="button" onClick={copy}>{copied ? "Copied" : "Copy"}</button>
    </details>
  );
}
