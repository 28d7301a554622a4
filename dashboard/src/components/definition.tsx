// A metric's definition: what it means, how it is computed, who answers for it, where it comes from.
import { DEFINITION } from "../api/documents.ts";
import type { DefinitionData } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { formatDate, formatEnd, formatInstant, formatValue, GRAIN_WORDS, setProject, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import { FailureNote } from "./failure.tsx";
import { Panel } from "./panel.tsx";
import { Skeleton } from "./tile.tsx";

type Catalog = NonNullable<DefinitionData["catalog"]>;
type Metric = NonNullable<Catalog["metric"]>;

export function DefinitionPanel({ name }: { name: string }) {
  const { data, failure, retry } = useAsk(DEFINITION, { name });
  const metric = data?.catalog?.metric;
  if (data?.catalog) setProject(data.catalog);
  return (
    <Panel title={metric?.label ?? words(name)} onClose={() => navigate(link({ info: null }))}>
      {failure ? <FailureNote failure={failure} retry={retry} />
        : !data ? <Skeleton height={400} />
        : metric ? <Definition metric={metric} catalog={data.catalog as Catalog} />
        : <p>No metric named {name} is defined.</p>}
    </Panel>
  );
}

export function Definition({ metric, catalog }: { metric: Metric; catalog: Catalog }) {
  const read = new Set(metric.lineage.map((column) => column.split(".")[0]));
  const tables = catalog.tables.filter((table) => read.has(table.name));
  return (
    <div class="definition">
      {!metric.available && <p class="warning">Unavailable: {metric.unavailableBecause}</p>}
      {metric.deprecated && <p class="warning">Deprecated: {metric.deprecated}</p>}
      <p>{metric.description}</p>
      <dl>
        <dt>Formula</dt><dd class="formula">{metric.formula}</dd>
        <dt>Adds up</dt><dd>{metric.additive}</dd>
        <dt>Better when</dt><dd>{metric.goodDirection ? (metric.goodDirection.toLowerCase() === "up" ? "higher" : "lower") : "not stated"}</dd>
        <dt>Owner</dt><dd>{metric.owner ?? "nobody named"}</dd>
        {metric.variantOf && <><dt>Variant of</dt><dd><a href={`/catalog?metric=${metric.variantOf}`}>{metric.variantOf}</a></dd></>}
        {metric.variants.length > 0 && <><dt>Variants</dt><dd>{metric.variants.map((name, index) => <>{index > 0 && ", "}<a key={name} href={`/catalog?metric=${name}`}>{name}</a></>)}</dd></>}
        {metric.tags.length > 0 && <><dt>Tags</dt><dd>{metric.tags.join(", ")}</dd></>}
        <dt>Status</dt><dd>{metric.status}</dd>
        <dt>Defined in</dt><dd><code>{metric.file}:{metric.line}</code>, version <code>{catalog.definitionVersion.slice(0, 12)}</code></dd>
        <dt>Name in the API</dt><dd><code>{metric.name}</code> ({metric.kind})</dd>
      </dl>
      {metric.bands.length > 0 && (
        <>
          <h3>Bands</h3>
          <ul>{metric.bands.map((band) => <li key={`${band.label} ${slice(band.only)}`}><strong>{band.label}</strong>{slice(band.only)}: {range(band, metric.unit)} <span class="small">({band.source})</span></li>)}</ul>
        </>
      )}
      {metric.targets.length > 0 && (
        <>
          <h3>Targets</h3>
          <ul>{metric.targets.map((target, index) => <li key={index}><strong>{formatValue(target.value, metric.unit)}</strong>{slice(target.only)}{target.grain && ` by ${GRAIN_WORDS[target.grain]}`}{target.from && ` from ${formatDate(target.from)}`}{target.to && ` to ${formatEnd(target.to)}`} <span class="small">({target.source})</span></li>)}</ul>
        </>
      )}
      {metric.versions.length > 0 && (
        <>
          <h3>Before</h3>
          <ul>{metric.versions.map((version) => <li key={version.until}>To {formatEnd(version.until)}: {version.formula}{version.because && <span class="small"> ({version.because})</span>}</li>)}</ul>
        </>
      )}
      <h3>Freshness</h3>
      <ul>{tables.map((table) => <li key={table.name}><code>{table.name}</code>: {table.available ? (table.dataThrough ? `through ${formatInstant(table.dataThrough)}` : "available") : `unavailable. ${table.problem ?? ""}`}</li>)}</ul>
      <h3>Reads</h3>
      <p class="columns">{metric.lineage.map((column) => <code key={column}>{column}</code>)}</p>
      <h3>Definition</h3>
      <pre tabIndex={0}>{metric.definition}</pre>
      {metric.sql && <><h3>SQL</h3><pre tabIndex={0}>{metric.sql}</pre></>}
      <p><a class="button" href={`/explore?metrics=${metric.name}`}>Explore {metric.label}</a> <a class="button" href={`/catalog?metric=${metric.name}`}>In the catalogue</a></p>
    </div>
  );
}

/** " for segment SMB", or nothing for every slice. */
function slice(only: Metric["bands"][number]["only"]): string {
  return only.length ? ` for ${only.map((one) => `${words(one.dimension).toLowerCase()} ${String(one.value)}`).join(" and ")}` : "";
}

export function range(band: { low: number | null; high: number | null }, unit: string | null): string {
  const show = (value: number | null) => formatValue(value, unit);
  if (band.low === null) return `below ${show(band.high)}`;
  return band.high === null ? `from ${show(band.low)}` : `from ${show(band.low)} to below ${show(band.high)}`;
}
