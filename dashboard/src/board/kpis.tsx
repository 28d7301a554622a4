// The headline figures: value, change in words, band, and the line of the last periods.
import type { Failure } from "../api/client.ts";
import type { BoardData, Grain } from "../api/types.gen.ts";
import { Chart } from "../charts/chart.tsx";
import { drawSpark } from "../charts/spark.ts";
import { FailureNote } from "../components/failure.tsx";
import { IconButton } from "../components/icons.tsx";
import { formatChange, formatPeriod, formatValue, GRAIN_WORDS, shiftMonths, shortPeriod, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import { COMPARES, type BoardState } from "./state.ts";

type Row = Record<string, number | string | null>;
type KpiTable = NonNullable<BoardData["kpiNrr"]>;
type MetricInfo = NonNullable<BoardData["catalog"]>["metrics"][number];
type Band = MetricInfo["bands"][number];

type Props = { name: string; title: string; answer: KpiTable | null | undefined; failure: Failure | undefined; loading: boolean; retry: () => void; info: MetricInfo | undefined; state: BoardState; band?: Band | null | undefined };

export function Kpi({ name, title, answer, failure, loading, retry, info, state, band }: Props) {
  const rows = (answer?.rows ?? []) as Row[];
  const latest = rows.at(-1);
  const unit = answer?.columns.find((column) => column.name === name)?.unit ?? info?.unit ?? null;
  const value = (latest?.[name] as number | null | undefined) ?? null;
  const points = rows.map((row, at) => ({ at, value: row[name] as number | null }));
  return (
    <KpiFrame name={name} title={title} failure={failure} loading={loading} retry={retry} ready={answer != null}>
      <p class="value">{formatValue(value, unit, "short")}</p>
      {latest && <Change row={latest} name={name} unit={unit} state={state} good={info?.goodDirection ?? null} />}
      <Status value={value} bands={info?.bands ?? []} good={info?.goodDirection ?? null} band={band} />
      <Chart label={sparkLabel(title, rows, name, unit, state.grain)} height={34} draw={(width, height) => drawSpark(points, width, height)} inputs={[rows]} />
    </KpiFrame>
  );
}

/** The median: of every customer, from the curve; the change is between acquisition quarters. */
export function MedianKpi(props: Props & { medianDays: number | null | undefined; durationFailed: Failure | undefined }) {
  const { answer, info, state, medianDays } = props;
  const name = props.name;
  const rows = (answer?.rows ?? []) as Row[];
  const known = rows.filter((row) => row[name] !== null);
  const latest = known.filter((row) => row[changeKey(name, state)] !== null).at(-1);
  const against = latest ? cohorts(String(latest.period), state) : null;
  return (
    <KpiFrame {...props} failure={props.failure ?? props.durationFailed} ready={answer != null && medianDays !== undefined}>
      <p class="value">{medianDays === null ? "Not reached" : formatValue(medianDays, "days", "short")} {medianDays !== null && <span class="unit">days</span>}</p>
      {latest && against ? <Change row={latest} name={name} unit="days" state={state} good={info?.goodDirection ?? "down"} versus={against} /> : <p class="change">Over all customers{state.compare ? "; no cohort to compare yet" : ""}</p>}
      <Status value={medianDays ?? null} bands={info?.bands ?? []} good={info?.goodDirection ?? null} />
      <Chart label={sparkLabel("Median days by acquisition quarter", rows, name, "days", "QUARTER")} height={34} draw={(width, height) => drawSpark(rows.map((row, at) => ({ at, value: row[name] as number | null })), width, height)} inputs={[rows]} />
    </KpiFrame>
  );
}

function KpiFrame({ name, title, failure, loading, retry, ready, children }: { name: string; title: string; failure: Failure | undefined; loading: boolean; retry: () => void; ready: boolean; children: preact.ComponentChildren }) {
  return (
    <section class="tile kpi" aria-labelledby={`kpi-${name}`} aria-busy={loading} data-tile={`kpi-${name}`}>
      <header>
        <h2 id={`kpi-${name}`}>{title}</h2>
        <IconButton icon="info" name={`How ${title} is defined`} onClick={() => navigate(link({ info: name }))} />
      </header>
      {failure ? <FailureNote failure={failure} retry={retry} /> : ready ? <div class={loading ? "stale" : ""}>{children}</div> : <div class="skeleton kpi-skeleton" role="img" aria-label="Loading" />}
    </section>
  );
}

/** Q2 ’24 against Q2 ’23. */
function cohorts(start: string, state: BoardState): string {
  const before = shiftMonths(start, state.compare === "PREVIOUS_PERIOD" ? -3 : -12);
  return `${shortPeriod(start, "QUARTER")} vs ${shortPeriod(before, "QUARTER")} cohort`;
}

const changeKey = (name: string, state: BoardState) => `${name}__${(state.compare ?? "PREVIOUS_YEAR").toLowerCase()}_change`;

function Change({ row, name, unit, state, good, versus }: { row: Row; name: string; unit: string | null; state: BoardState; good: string | null; versus?: string }) {
  if (!state.compare) return <p class="change">No comparison chosen</p>;
  const change = row[changeKey(name, state)] as number | null | undefined;
  const share = row[`${changeKey(name, state)}_ratio`] as number | null | undefined;
  const before = state.compare === "PREVIOUS_PERIOD" ? `the ${GRAIN_WORDS[state.grain]} before` : COMPARES[state.compare];
  if (change === null || change === undefined) return <p class="change">Nothing known of {before}</p>;
  const direction = change > 0 ? "up" : change < 0 ? "down" : "level";
  const better = change === 0 || !good ? null : (change > 0) === (good.toLowerCase() === "up");
  const size = unit === "currency" && share !== null && share !== undefined ? formatValue(Math.abs(share), "ratio") : formatChange(change, unit);
  const shown = unit === "days" ? `${size} ${change < 0 ? "faster" : "slower"}` : direction === "level" ? "Unchanged" : `${direction === "up" ? "Up" : "Down"} ${size}`;
  return (
    <p class={`change ${better === null ? "" : better ? "better" : "worse"}`}>
      <span aria-hidden="true">{direction === "up" ? "▲" : direction === "down" ? "▼" : "■"}</span> {shown} <span class="versus">{versus ?? `vs ${before}`}</span>
    </p>
  );
}

/** The band a value falls into; bands are half-open. */
export function bandOf(value: number | null, bands: Band[]): Band | null {
  if (value === null) return null;
  return bands.find((band) => (band.low === null || value >= band.low) && (band.high === null || value < band.high)) ?? null;
}

const SHAPES = { bad: "▼", watch: "◆", good: "●" };

function Status({ value, bands, good, band }: { value: number | null; bands: Band[]; good: string | null; band?: Band | null | undefined }) {
  const hit = band ?? bandOf(value, bands);
  if (!hit) return <p class="status none">{bands.length ? "Outside the bands" : "No band defined"}</p>;
  const ordered = [...bands].sort((a, b) => (a.low ?? -Infinity) - (b.low ?? -Infinity));
  if (good?.toLowerCase() === "down") ordered.reverse();
  const rank = ordered.findIndex((one) => one.low === hit.low && one.high === hit.high);
  const level = rank <= 0 && ordered.length > 1 ? "bad" : rank >= ordered.length / 2 ? "good" : "watch";
  return (
    <p class={`status ${level}`} title={`${words(hit.label)}. Source: ${hit.source}`}>
      <span aria-hidden="true">{SHAPES[level]}</span> {words(hit.label)} <span class="source">{hit.source}</span>
    </p>
  );
}

function sparkLabel(title: string, rows: Row[], name: string, unit: string | null, grain: Grain): string {
  const known = rows.filter((row) => row[name] !== null);
  const first = known[0];
  const last = known.at(-1);
  if (!first || !last) return `${title}: no values yet`;
  return `${title}: ${formatValue(first[name], unit)} in ${formatPeriod(String(first.period), grain)}, ${formatValue(last[name], unit)} in ${formatPeriod(String(last.period), grain)}`;
}
