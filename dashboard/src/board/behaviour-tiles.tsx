// The tiles on behaviour: cohorts, attach, time to expansion, and who is credited.
import type { BoardData } from "../api/types.gen.ts";
import { Chart } from "../charts/chart.tsx";
import { cohortHeight, drawCohorts, type CohortCell } from "../charts/cohorts.ts";
import { drawSurvival } from "../charts/survival.ts";
import { drillLink } from "../components/customers.tsx";
import { prose } from "../components/prose.tsx";
import { Choice, Tile } from "../components/tile.tsx";
import { formatDate, formatEnd, formatPeriod, formatValue, words } from "../format.ts";
import { link } from "../router.ts";
import type { TableData } from "../table.ts";
import type { TileProps } from "./growth-tiles.tsx";
import { attributes, BASES, COHORT_MEASURES, NULL, RULES, type CohortMeasure } from "./state.ts";

type CohortRow = NonNullable<BoardData["cohorts"]>["rows"][number];
const MEASURES: Record<CohortMeasure, { of: (row: CohortRow) => number | null; unit: string }> = {
  revenue: { of: (row) => row.mrrRetention, unit: "ratio" },
  logos: { of: (row) => row.logoRetention, unit: "ratio" },
  mrr: { of: (row) => row.mrr, unit: "currency" },
  customers: { of: (row) => row.customers, unit: "count" },
};
const RATIO_STEPS = [0.7, 0.8, 0.9, 1, 1.1, 1.2];

/** The colour step of a value: fixed for ratios, by the largest cell for amounts. */
function step(value: number | null, unit: string, most: number): number {
  if (value === null) return 1;
  if (unit === "ratio") return 1 + RATIO_STEPS.filter((limit) => value >= limit).length;
  return Math.min(7, 1 + Math.floor((value / (most || 1)) * 7));
}

export function CohortTile({ board, state }: TileProps) {
  const answer = board.data.cohorts;
  const rows = answer?.rows ?? [];
  const measure = MEASURES[state.cohortMeasure];
  const most = Math.max(...rows.map((row) => measure.of(row) ?? 0), 0);
  const canDrill = board.data.catalog?.filters.some((dimension) => dimension.name === "acquired_on") ?? false;
  const cells: CohortCell[] = rows.map((row) => {
    const value = measure.of(row);
    const name = formatPeriod(row.cohort.start, "QUARTER");
    const text = measure.unit === "ratio" ? (value === null ? "" : `${Math.round(value * 100)}%`) : formatValue(value, measure.unit, "short");
    return {
      cohort: name, age: row.age, value, text, step: step(value, measure.unit, most),
      hint: `${name} cohort after ${row.age} quarters: ${COHORT_MEASURES[state.cohortMeasure]} ${formatValue(value, measure.unit)}, ${formatValue(row.customers, "count")} of ${formatValue(row.startingCustomers, "count")} customers`,
      href: canDrill ? drillLink("mrr", row.cohort.start, row.cohort.end, { acquired_on: [row.cohort.start, row.cohort.end] }) : null,
    };
  });
  const table: TableData | null = answer ? {
    columns: [{ key: "cohort", label: "Acquired", text: true, grain: "QUARTER" }, { key: "age", label: "Age in quarters", unit: "count" }, { key: "starting_customers", label: "Acquired customers", unit: "count" }, { key: "customers", label: "Customers", unit: "count" }, { key: "starting_mrr", label: "Starting MRR", unit: "currency" }, { key: "mrr", label: "MRR", unit: "currency" }, { key: "mrr_retention", label: "Revenue retention", unit: "ratio" }, { key: "logo_retention", label: "Logo retention", unit: "ratio" }],
    rows: rows.map((row) => [row.cohort.start, row.age, row.startingCustomers, row.customers, row.startingMrr, row.mrr, row.mrrRetention, row.logoRetention]),
  } : null;
  const height = cohortHeight(new Set(rows.map((row) => row.cohort.start)).size || 12);
  return (
    <Tile
      id="cohorts" title="What became of each cohort" metric="cohort_mrr_retention" table={table} source={answer?.provenance} loading={board.loading.cohort} failure={board.failures.cohorts}
      retry={() => board.retry("cohort")} height={height} size="full" subtitle={`${COHORT_MEASURES[state.cohortMeasure]} by quarter of acquisition and age`}
      empty={rows.length ? null : "No customers were acquired in these quarters."}
      actions={<Choice label="Show" param="cohort" value={state.cohortMeasure} options={COHORT_MEASURES} otherwise="revenue" />}
    >
      <Chart label={`${COHORT_MEASURES[state.cohortMeasure]} by acquisition quarter and age in quarters`} height={height} least={74 + 12 * 44} inputs={[answer, state.cohortMeasure, canDrill, location.search]} draw={(width) => drawCohorts(cells, width)} />
    </Tile>
  );
}

type AttachRow = NonNullable<BoardData["attachAll"]>["rows"][number];
const ATTACH_STEPS = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4];

export function AttachTile({ board, state }: TileProps) {
  const { attachAll, attachBy } = board.data;
  const ready = attachAll && attachBy;
  const rows = ready ? [...attachBy.rows, ...attachAll.rows] : [];
  const products = [...new Map(rows.map((row) => [row.attached, row.attachedName ?? row.attached ?? "Any add-on"]))];
  const slices = [...new Map(rows.map((row) => [sliceKey(row), row.group[0]?.value ?? null]))];
  const cell = (slice: string, product: string | null) => rows.find((row) => sliceKey(row) === slice && row.attached === product);
  const immature = rows.some((row) => !row.mature);
  const dimensions = attributes(board.data.catalog);
  const table: TableData | null = ready ? {
    columns: [{ key: state.attachBy, label: words(state.attachBy), text: true }, { key: "attached", label: "Attached", text: true }, { key: "rate", label: "Rate", unit: "ratio" }, { key: "attached_units", label: "With it", unit: "count" }, { key: "base_units", label: "Of", unit: "count" }],
    rows: rows.map((row) => [row.group.length ? String(row.group[0]?.value ?? "not set") : "All", row.attachedName ?? row.attached ?? "Any add-on", row.rate, row.attachedUnits, row.baseUnits]),
  } : null;
  const period = rows[0]?.period;
  return (
    <Tile
      id="attach" title="What sells with what" metric="attach_rate" table={table} source={attachAll?.provenance} loading={board.loading.attach} tabular
      failure={board.failures.attachAll ?? board.failures.attachBy} retry={() => board.retry("attach")} height={280}
      subtitle={period ? `Attach rate, ${formatPeriod(period.start, state.grain)}: with the add-on, of all` : "Attach rate by add-on"}
      empty={rows.some((row) => row.baseUnits > 0) ? null : "Nothing was sold in this period that an add-on could go with."}
      actions={<><Choice label="Counted" param="basis" value={state.basis} options={BASES} otherwise="ORDER" /><Choice label="By" param="attach_by" value={state.attachBy} options={Object.fromEntries(dimensions.map((one) => [one.name, one.label]))} otherwise="segment" /></>}
      foot={immature && <p>◆ Not final: the 90 days have not passed for everybody in this period.</p>}
    >
      <div class="table-frame" tabIndex={0} role="region" aria-label="Attach rates">
        <table class="matrix">
          <caption class="visually-hidden">Attach rate by {words(state.attachBy)} and add-on</caption>
          <thead><tr><th scope="col">{words(state.attachBy)}</th>{products.map(([id, name]) => <th key={id} scope="col" class="number">{name}</th>)}</tr></thead>
          <tbody>
            {slices.map(([key, value]) => (
              <tr key={key} class={key === ALL ? "total" : ""}>
                <th scope="row">{key === ALL ? "All" : <a href={link({ [`f.${state.attachBy}`]: String(value ?? NULL) })}>{String(value ?? "not set")}</a>}</th>
                {products.map(([id]) => {
                  const found = cell(key, id);
                  return <td key={id} class={`number heat-${found?.rate == null ? 0 : 1 + ATTACH_STEPS.filter((limit) => (found.rate as number) >= limit).length}`}><strong>{formatValue(found?.rate, "ratio")}</strong><span class="of">{formatValue(found?.attachedUnits, "count")} of {formatValue(found?.baseUnits, "count")}</span></td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Tile>
  );
}

const ALL = "all";
const sliceKey = (row: AttachRow) => (row.group.length ? JSON.stringify(row.group[0]?.value ?? null) : ALL);

export function DurationTile({ board, state }: TileProps) {
  const answer = board.data.duration;
  const row = answer?.rows[0];
  const table: TableData | null = answer ? {
    columns: [{ key: "day", label: "Day", unit: "count" }, { key: "survival", label: "Not yet expanded", unit: "ratio" }, { key: "low95", label: "95 % from", unit: "ratio" }, { key: "high95", label: "to", unit: "ratio" }, { key: "at_risk", label: "At risk", unit: "count" }, { key: "events", label: "Expanded that day", unit: "count" }],
    rows: (row?.curve ?? []).map((point) => [point.day, point.survival, point.low95, point.high95, point.atRisk, point.events]),
  } : null;
  return (
    <Tile
      id="duration" title="How long until they expand" metric="median_days_to_expansion" table={table} source={answer?.provenance} loading={board.loading.duration}
      failure={board.failures.duration} retry={() => board.retry("duration")} height={300} subtitle="Customers who have not expanded yet, by days since acquisition"
      empty={row && row.subjects > 0 ? null : `No customers to follow${state.filters.size ? " for these filters" : ""}.`}
      foot={row && (
        <>
          <p>{row.expandedBy.map((point) => `${formatValue(point.share, "ratio")} by day ${point.day}`).join(" · ")} have expanded.</p>
          <p>{formatValue(row.censored, "count")} of {formatValue(row.subjects, "count")} customers have not expanded (yet), or left first. They count for as long as they were seen; leaving them out would give {formatValue(row.observedMedianDays, "days")} instead of {row.medianDays === null ? "no median yet" : formatValue(row.medianDays, "days")}.</p>
        </>
      )}
    >
      <Chart label="Share of customers not yet expanded by days since acquisition, with 95 % confidence band" height={300} inputs={[answer]} draw={(width, height) => drawSurvival(row?.curve ?? [], row?.subjects ?? 0, row?.medianDays ?? null, width, height)} />
    </Tile>
  );
}

export function CreditTile({ board, state }: TileProps) {
  const answer = board.data.credit;
  const rows = [...(answer?.rows ?? [])].sort((a, b) => (a.csmId === null ? 1 : b.csmId === null ? -1 : b.creditedMrr - a.creditedMrr));
  const period = rows[0]?.period;
  const table: TableData | null = answer ? {
    columns: [{ key: "csm", label: "Customer success manager", text: true }, { key: "credited_mrr", label: "Credited MRR", unit: "currency" }, { key: "share", label: "Share", unit: "ratio" }, { key: "events", label: "Expansions", unit: "count" }, { key: "customers", label: "Customers", unit: "count" }, { key: "accounts", label: "Accounts", unit: "count" }, { key: "cohort_mrr", label: "Book MRR", unit: "currency" }, { key: "nrr", label: "Book NRR", unit: "ratio" }],
    rows: rows.map((row) => [row.csmName ?? row.csmId ?? "Unassigned", row.creditedMrr, row.share, row.events, row.customers, row.accounts, row.cohortMrr, row.nrr]),
    links: rows.map((row) => drillLink("credited_mrr", row.period.start, row.period.end, { csm_id: row.csmId })),
  } : null;
  const most = Math.max(...rows.map((row) => row.share ?? 0), 0);
  return (
    <Tile
      id="credit" title="Who is credited with expansion" metric="credited_mrr" table={table} source={answer?.provenance} loading={board.loading.credit} tabular size="full"
      failure={board.failures.credit} retry={() => board.retry("credit")} height={320} subtitle={period ? `${formatDate(period.start)} to ${formatEnd(period.end)}, ${RULES[state.rule].toLowerCase()}` : RULES[state.rule]}
      empty={rows.length ? null : "No expansion to credit in this period."}
      actions={<Choice label="Credit goes to" param="rule" value={state.rule} options={RULES} otherwise="OWNER_AT_EVENT" />}
      foot={<><p>Attribution is not causation: credit follows ownership, and says nothing of what would have happened without it. Rows of fewer than {FEW} expansions are muted: they say little. Names lead to the customers, by the default rule.</p>{answer?.warnings.map((warning) => <p key={warning}>◆ {prose(warning)}</p>)}</>}
    >
      {table && <CreditTable table={table} shares={rows.map((row) => row.share ?? 0)} most={most} />}
    </Tile>
  );
}

/** Below so many expansions chance says more than the owner does. */
const FEW = 5;

function CreditTable({ table, shares, most }: { table: TableData; shares: number[]; most: number }) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Credited expansion by owner">
      <table>
        <caption class="visually-hidden">Credited expansion by owner</caption>
        <thead><tr>{table.columns.map((column) => <th key={column.key} scope="col" class={column.text ? "" : "number"}>{column.label}</th>)}</tr></thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index} class={Number(row[3]) < FEW ? "faint" : ""}>
              {row.map((cell, at) => {
                const column = table.columns[at];
                if (at === 0) return <th key="csm" scope="row"><a href={table.links?.[index] ?? "#"}>{cell}</a></th>;
                const text = formatValue(cell, column?.unit);
                if (column?.key !== "share") return <td key={column?.key} class="number">{text}</td>;
                return <td key="share" class="number"><span class="bar" aria-hidden="true" style={{ width: `${most ? ((shares[index] ?? 0) / most) * 64 : 0}px` }} />{text}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
