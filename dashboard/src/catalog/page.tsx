// The catalogue: every metric and dimension, what is unavailable and why.
import { CATALOGUE, DEFINITION } from "../api/documents.ts";
import type { CatalogueData, DefinitionData } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { Definition } from "../components/definition.tsx";
import { FailureNote } from "../components/failure.tsx";
import { IconButton } from "../components/icons.tsx";
import { Skeleton } from "../components/tile.tsx";
import { formatInstant, formatValue, setProject } from "../format.ts";
import { link, navigate } from "../router.ts";
import { save, toCsv, type Cell } from "../table.ts";

type Catalog = NonNullable<CatalogueData["catalog"]>;

export function CatalogPage({ params }: { params: URLSearchParams }) {
  const asked = useAsk(CATALOGUE, {});
  const catalog = asked.data?.catalog;
  const search = params.get("search") ?? "";
  const chosen = params.get("metric");
  if (catalog) setProject(catalog);
  return (
    <main id="main" class="catalogue" tabIndex={-1}>
      <h1>Catalogue</h1>
      <p class="lede">Every number in Upswell, what it means, who answers for it and what it reads.</p>
      {asked.failure && <FailureNote failure={asked.failure} retry={asked.retry} />}
      {!catalog ? <Skeleton height={600} /> : (
        <>
          {catalog.problems.length > 0 && <Problems catalog={catalog} />}
          <input class="search" type="search" aria-label="Find a metric or dimension" placeholder="Find a metric or dimension" value={search} onInput={(event) => navigate(link({ search: event.currentTarget.value || null }), true)} />
          <div class={`catalogue-body ${chosen ? "with-detail" : ""}`}>
            <div>
              <Metrics catalog={catalog} search={search} chosen={chosen} />
              <Dimensions catalog={catalog} search={search} />
              <Tables catalog={catalog} />
            </div>
            {chosen && <Detail key={chosen} name={chosen} />}
          </div>
        </>
      )}
    </main>
  );
}

const matches = (search: string, ...texts: Array<string | null>) => texts.some((text) => text?.toLowerCase().includes(search.toLowerCase()));

function Problems({ catalog }: { catalog: Catalog }) {
  return (
    <section class="tile full" aria-label="Problems">
      <h2>Problems in the definitions</h2>
      <ul class="problems">{catalog.problems.map((problem, index) => <li key={index}><strong>{problem.severity} {problem.code}</strong>: {problem.message}{problem.file && <> <code>{problem.file}{problem.line ? `:${problem.line}` : ""}</code></>}</li>)}</ul>
    </section>
  );
}

function Metrics({ catalog, search, chosen }: { catalog: Catalog; search: string; chosen: string | null }) {
  const found = catalog.metrics.filter((metric) => matches(search, metric.name, metric.label, metric.description));
  return (
    <section class="tile full" aria-labelledby="metrics-title" data-tile="metrics">
      <header><h2 id="metrics-title">Metrics <span class="count">{found.length}</span></h2><SaveCsv what="metrics" rows={found} keys={["name", "label", "kind", "unit", "owner", "status", "deprecated", "available", "unavailableBecause", "description"]} /></header>
      <ul class="entries">
        {found.map((metric) => (
          <li key={metric.name} class={metric.available ? "" : "off"}>
            <a href={link({ metric: metric.name })} aria-current={metric.name === chosen ? "true" : undefined}>{metric.label}</a> <code>{metric.name}</code>
            <span class="tag">{metric.kind}</span>{metric.status !== "stable" && <span class="tag">{metric.status}</span>}{metric.deprecated && <span class="tag">deprecated</span>}
            {metric.owner && <span class="small"> {metric.owner}</span>}
            <p>{metric.available ? metric.description : <><strong>Unavailable.</strong> {metric.unavailableBecause}</>}</p>
          </li>
        ))}
        {found.length === 0 && <li class="empty">No metric has “{search}” in its name or description.</li>}
      </ul>
    </section>
  );
}

function Dimensions({ catalog, search }: { catalog: Catalog; search: string }) {
  const found = catalog.dimensions.filter((dimension) => matches(search, dimension.name, dimension.label, dimension.description));
  return (
    <section class="tile full" aria-labelledby="dimensions-title">
      <header><h2 id="dimensions-title">Dimensions <span class="count">{found.length}</span></h2><SaveCsv what="dimensions" rows={found} keys={["name", "label", "dataType", "history", "description"]} /></header>
      <ul class="entries">
        {found.map((dimension) => (
          <li key={dimension.name}>
            <strong>{dimension.label}</strong> <code>{dimension.name}</code><span class="tag">{dimension.dataType}</span><span class="small"> {dimension.history ? "value at the time" : "current value"}, for {dimension.metrics.length} metrics</span>
            {dimension.description && <p>{dimension.description}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tables({ catalog }: { catalog: Catalog }) {
  return (
    <section class="tile full" aria-labelledby="tables-title">
      <header><h2 id="tables-title">Tables <span class="count">{catalog.tables.length}</span></h2><SaveCsv what="tables" rows={catalog.tables} keys={["name", "available", "problem", "files", "rows", "dataThrough"]} /></header>
      <div class="table-frame" tabIndex={0} role="region" aria-label="Tables of the warehouse">
        <table>
          <thead><tr><th scope="col">Table</th><th scope="col">State</th><th scope="col" class="number">Files</th><th scope="col" class="number">Rows</th><th scope="col">Data through</th></tr></thead>
          <tbody>
            {catalog.tables.map((table) => (
              <tr key={table.name}><th scope="row">{table.name}</th><td>{table.available ? "● available" : `▼ unavailable. ${table.problem ?? ""}`}</td><td class="number">{formatValue(table.files, "count")}</td><td class="number">{formatValue(table.rows, "count")}</td><td>{formatInstant(table.dataThrough)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What is listed, by the API's own names. */
function SaveCsv<Row extends object>({ what, rows, keys }: { what: string; rows: Row[]; keys: Array<keyof Row & string> }) {
  const table = { columns: keys.map((key) => ({ key, label: key })), rows: rows.map((row) => keys.map((key) => row[key] as Cell)) };
  return <IconButton icon="save" name={`Save the ${what} as CSV`} onClick={() => save(`upswell-${what}.csv`, new Blob([toCsv(table)], { type: "text/csv" }))} />;
}

function Detail({ name }: { name: string }) {
  const { data, failure, retry } = useAsk(DEFINITION, { name });
  const metric = data?.catalog?.metric;
  return (
    <section class="tile full detail" aria-labelledby="detail-title" data-tile="definition">
      <header><h2 id="detail-title">{metric?.label ?? name}</h2><a class="button" href={link({ metric: null })}>Close</a></header>
      {failure ? <FailureNote failure={failure} retry={retry} /> : !data ? <Skeleton height={480} /> : metric ? <Definition metric={metric} catalog={data.catalog as NonNullable<DefinitionData["catalog"]>} /> : <p>No metric named {name} is defined.</p>}
    </section>
  );
}
