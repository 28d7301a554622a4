// The tiles on growth: the waterfall, the retention trend, expansion by type, the size of the base.
import { UNDERWAY } from "../api/documents.ts";
import type { BoardData, Grain } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { Chart } from "../charts/chart.tsx";
import { drawColumns, type ColumnPoint } from "../charts/columns.ts";
import { colour } from "../charts/common.ts";
import { drawTrend, type TrendBand, type TrendSeries } from "../charts/trend.ts";
import { drawWaterfall, type Step } from "../charts/waterfall.ts";
import { drillLink } from "../components/customers.tsx";
import { Tile } from "../components/tile.tsx";
import { dayOfInstant, formatDate, formatEnd, formatPeriod, formatValue, GRAIN_WORDS, shiftMonths, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import type { Cell, TableData } from "../table.ts";
import { whereOf, type BoardState } from "./state.ts";
import type { Board } from "./use-board.ts";

export type TileProps = { board: Board; state: BoardState };
type RetentionRow = NonNullable<BoardData["retention"]>["rows"][number];

const HEIGHT = 300;

/** Two pictures one above the other: the bands are those of NRR, and GRR must not be read by them. */
const SERIES: Array<TrendSeries & { title: string; height: number }> = [
  { key: "nrr", name: "NRR", title: "Net revenue retention", colour: "var(--accent)", height: 168 },
  { key: "grr", name: "GRR", title: "Gross revenue retention", colour: "var(--second)", height: 100 },
];

/** The day before, so that a balance "at the end" is the one the window began with. */
const before = (iso: string) => new Date(Date.parse(iso) - 86_400_000).toISOString().slice(0, 10);

function steps(row: RetentionRow): Step[] {
  const { start, end } = row.window;
  const behind = (metric: string) => drillLink(metric, start, end, {}, "waterfall");
  return [
    { key: "start", label: "Start", amount: row.startingMrr ?? 0, kind: "total", href: drillLink("mrr", before(start), start) },
    { key: "new", label: "New", amount: row.newMrr ?? 0, kind: "gain", href: behind("new_mrr") },
    { key: "reactivation", label: "Reactivation", amount: row.reactivationMrr ?? 0, kind: "gain", href: behind("reactivation_mrr") },
    { key: "expansion", label: "Expansion", amount: row.expansionMrr ?? 0, kind: "gain", href: behind("expansion_mrr") },
    { key: "contraction", label: "Contraction", amount: row.contractionMrr ?? 0, kind: "loss", href: behind("contraction_mrr") },
    { key: "churn", label: "Churn", amount: row.churnMrr ?? 0, kind: "loss", href: behind("churned_mrr") },
    { key: "end", label: "End", amount: row.endingMrr ?? 0, kind: "total", href: drillLink("mrr", before(end), end) },
  ];
}

export function WaterfallTile({ board, state }: TileProps) {
  const answer = board.data.retention;
  const row = answer?.rows.at(-1);
  const known = row && row.startingMrr !== null && (row.startingMrr !== 0 || row.endingMrr !== 0);
  const list = known ? steps(row) : [];
  const table: TableData | null = answer ? {
    columns: [{ key: "step", label: "Step", text: true }, { key: "mrr", label: "MRR", unit: "currency", style: "exact" }],
    rows: list.map((step) => [step.label, step.kind === "loss" ? -step.amount : step.amount]),
    links: list.map((step) => step.href),
  } : null;
  return (
    <Tile
      id="waterfall" title="Why the base changed" metric="nrr" table={table} source={answer?.provenance} loading={board.loading.retention}
      failure={board.failures.retention} retry={() => board.retry("retention")} height={HEIGHT}
      subtitle={row && !board.failures.retention ? `MRR, ${formatDate(row.window.start)} to ${formatEnd(row.window.end)}` : "Monthly recurring revenue over twelve months"}
      empty={known ? null : notKnown(row, state)}
      foot={known && row.nrr !== null && <p>The customers who paid {formatValue(row.cohortStartingMrr, "currency")} a month at the start pay {formatValue(row.retainedMrr, "currency")} at the end: NRR {formatValue(row.nrr, "ratio")}. New customers are not counted in it.</p>}
    >
      <Chart label="MRR waterfall from the start to the end of the window" height={HEIGHT} inputs={[answer, location.search]} draw={(width, height) => drawWaterfall(list, width, height)} />
    </Tile>
  );
}

function notKnown(row: RetentionRow | undefined, state: BoardState): string {
  if (!row) return "No complete period has data yet.";
  if (state.filters.size) return "No revenue matches these filters. Take one off.";
  return `The twelve months before ${formatDate(row.period.end)} reach back to before the data begins.`;
}

export function TrendTile({ board, state }: TileProps) {
  const answer = board.data.retention;
  const last = answer?.rows.at(-1)?.period.end;
  const through = answer?.provenance.dataThrough ? dayOfInstant(answer.provenance.dataThrough) : null;
  // Only where the data reaches past the last complete period is there one under way to ask for.
  const underway = !state.end && last && through && through >= last ? { period: { start: last }, grain: state.grain, where: whereOf(state.filters) } : null;
  const tail = useAsk(UNDERWAY, underway);
  const rows = [...(answer?.rows ?? []), ...(underway ? (tail.data?.retention?.rows ?? []) : [])];
  const bands: TrendBand[] = board.data.catalog?.metrics.find((metric) => metric.name === "nrr")?.bands ?? [];
  const sources = [...new Set(bands.map((band) => (band as { source?: string }).source))].filter(Boolean);
  const points = rows.map((row) => ({ start: row.period.start, complete: row.period.complete, nrr: row.nrr, grr: row.grr, href: link({ end: row.period.complete ? row.period.end : null }) }));
  const table: TableData | null = answer ? {
    columns: [{ key: "period", label: "Period", text: true, grain: state.grain }, { key: "nrr", label: "NRR", unit: "ratio" }, { key: "grr", label: "GRR", unit: "ratio" }, { key: "logo_retention", label: "Logo retention", unit: "ratio" }, { key: "customers", label: "Customers at start", unit: "count" }, { key: "band", label: "Band", text: true }, { key: "complete", label: "Complete", text: true }],
    rows: rows.map((row) => [row.period.start, row.nrr, row.grr, row.logoRetention, row.customers, row.band?.label ?? null, row.period.complete ? "yes" : "under way"]),
  } : null;
  const nothing = rows.every((row) => row.nrr === null);
  return (
    <Tile
      id="trend" title="Retention over time" metric="nrr" table={table} source={answer?.provenance} loading={board.loading.retention}
      failure={board.failures.retention} retry={() => board.retry("retention")} height={HEIGHT} empty={nothing ? notKnown(answer?.rows.at(-1), state) : null}
      subtitle={`NRR and GRR over trailing twelve months, by ${GRAIN_WORDS[state.grain]}`}
      foot={<p>{underway && "The hollow point is the period under way. "}{sources.length > 0 && `Bands of NRR: ${sources.join("; ")}.`}</p>}
    >
      {SERIES.map((series) => (
        <div key={series.key}>
          <h3 class="chart-title">{series.name}</h3>
          <Chart label={`${series.title} by period`} height={series.height} inputs={[answer, tail.data, board.data.catalog, location.search]} draw={(width, height) => drawTrend(points, series, series.key === "nrr" ? bands : [], state.grain, width, height)} />
        </div>
      ))}
    </Tile>
  );
}

/** Types in the order of the latest period's amounts, so that the legend reads as a ranking. */
function typeColours(rows: NonNullable<BoardData["expansion"]>["rows"]): Map<string, string> {
  const names = [...new Set(rows.map((row) => row.expansionType))].sort((a, b) => (a === null ? 1 : b === null ? -1 : a.localeCompare(b)));
  const latest = rows.at(-1)?.period.start;
  const amount = (name: string | null) => rows.find((row) => row.period.start === latest && row.expansionType === name)?.amount ?? 0;
  const colours = new Map(names.map((name, index) => [name, name === null ? "var(--none)" : colour(index)] as const));
  const ranked = [...names].sort((a, b) => (a === null ? 1 : b === null ? -1 : amount(b) - amount(a)));
  return new Map(ranked.map((name) => [words(name), colours.get(name) as string]));
}

export function ExpansionTile({ board, state }: TileProps) {
  const answer = board.data.expansion;
  const rows = answer?.rows ?? [];
  const colours = typeColours(rows);
  const points: ColumnPoint[] = rows.map((row) => ({
    start: row.period.start, value: state.asShare ? row.share : row.amount, category: words(row.expansionType),
    href: drillLink("expansion_mrr", row.period.start, row.period.end, { expansion_type: row.expansionType }),
    hint: `${formatPeriod(row.period.start, state.grain)}, ${words(row.expansionType)}: ${formatValue(row.amount, "currency")}, ${formatValue(row.share, "ratio")} of the total, ${formatValue(row.customers, "count")} customers`,
  }));
  const table: TableData | null = answer ? {
    columns: [{ key: "period", label: "Period", text: true, grain: state.grain }, { key: "expansion_type", label: "Type", text: true }, { key: "amount", label: "Amount", unit: "currency", style: "exact" }, { key: "from_opening_cohort", label: "From opening customers", unit: "currency", style: "exact" }, { key: "from_outside_cohort", label: "From others", unit: "currency", style: "exact" }, { key: "share", label: "Share", unit: "ratio" }, { key: "events", label: "Events", unit: "count" }, { key: "customers", label: "Customers", unit: "count" }],
    rows: [...rows].reverse().map((row): Cell[] => [row.period.start, words(row.expansionType), row.amount, row.fromOpeningCohort, row.fromOutsideCohort, row.share, row.events, row.customers]),
  } : null;
  return (
    <Tile
      id="expansion" title="Where expansion comes from" metric="expansion_mrr" table={table} source={answer?.provenance} loading={board.loading.expansion}
      failure={board.failures.expansion} retry={() => board.retry("expansion")} height={HEIGHT} subtitle={`Expansion MRR by type and ${GRAIN_WORDS[state.grain]}`}
      empty={rows.every((row) => row.amount === 0) ? `No expansion is recorded in these periods${state.filters.size ? " for these filters" : ""}.` : null}
      actions={<Switch />}
    >
      <Chart label="Expansion by type and period, stacked" height={HEIGHT - 34} inputs={[answer, state.asShare, location.search]} draw={(width, height) => drawColumns(points, { unit: state.asShare ? "ratio" : "currency", grain: state.grain, colours }, width, height)} />
      <ul class="legend">{[...colours].map(([name, fill]) => <li key={name}><span class="swatch" style={{ background: fill }} aria-hidden="true" /> {name}</li>)}</ul>
    </Tile>
  );

  function Switch() {
    return (
      <div class="chips" role="group" aria-label="Show expansion as">
        {(["amount", "share"] as const).map((mode) => <button type="button" key={mode} class="chip" aria-pressed={state.asShare === (mode === "share")} onClick={() => navigate(link({ expansion: mode === "share" ? mode : null }))}>{words(mode)}</button>)}
      </div>
    );
  }
}

const MONTHS: Partial<Record<Grain, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12 };

/** The customers and what they paid on a period's last day. */
function balanceLink(start: string, grain: Grain): string | null {
  const months = MONTHS[grain];
  if (!months) return null;
  const end = shiftMonths(start, months);
  return drillLink("mrr", before(end), end);
}

export function BaseTile({ board, state }: TileProps) {
  const answer = board.data.base;
  const rows = (answer?.rows ?? []) as Array<Record<string, string | number | null>>;
  const table: TableData | null = answer ? {
    columns: [{ key: "period", label: "Period", text: true, grain: state.grain }, { key: "mrr", label: "MRR at the end", unit: "currency", style: "exact" }, { key: "active_customers", label: "Active customers", unit: "count" }],
    rows: rows.map((row) => [String(row.period), row.mrr ?? null, row.active_customers ?? null]),
  } : null;
  const series = (key: string, unit: string, fill: string) => {
    const points = rows.map((row): ColumnPoint => ({
      start: String(row.period), value: row[key] as number | null, category: key, href: balanceLink(String(row.period), state.grain), hint: `${formatPeriod(String(row.period), state.grain)}: ${formatValue(row[key], unit)}. Show the customers behind it.`,
    }));
    return (width: number, height: number) => drawColumns(points, { unit, grain: state.grain, colours: new Map([[key, fill]]), labelled: true }, width, height);
  };
  const half = HEIGHT / 2;
  return (
    <Tile
      id="base" title="Size of the base" metric="mrr" table={table} source={answer?.provenance} loading={board.loading.base} failure={board.failures.base}
      retry={() => board.retry("base")} height={HEIGHT} subtitle={`At the end of each ${GRAIN_WORDS[state.grain]}`} empty={rows.length ? null : "No complete period has data yet."}
    >
      <h3 class="chart-title">MRR</h3>
      <Chart label="MRR at the end of each period" height={half} inputs={[answer, location.search]} draw={series("mrr", "currency", "var(--total)")} />
      <h3 class="chart-title">Active customers</h3>
      <Chart label="Active customers at the end of each period" height={half} inputs={[answer, location.search]} draw={series("active_customers", "count", "var(--second)")} />
    </Tile>
  );
}
