// The headline figures: value, change in words, band, and the line of the last periods.
import type { Failure } from "../api/client.ts";
import type { BoardData, Grain } from "../api/types.gen.ts";
import { Chart } from "../charts/chart.tsx";
import { drawSpark } from "../charts/spark.ts";
import { range } from "../components/definition.tsx";
import { FailureNote } from "../components/failure.tsx";
import { IconButton } from "../components/icons.tsx";
import { formatChange, formatEnd, formatPeriod, formatValue, GRAIN_WORDS, sentence, shiftMonths, shortPeriod } from "../format.ts";
import { link, navigate } from "../router.ts";
import { COMPARES, type BoardState } from "./state.ts";

type Row = Record<string, number | string | null>;
type KpiTable = NonNullable<BoardData["kpiNrr"]>;
type MetricInfo = NonNullable<BoardData["catalog"]>["metrics"][number];
type Mark = KpiTable["marks"][number];

type Props = {
  name: string; title: string; answer: KpiTable | null | undefined; failure: Failure | undefined; loading: boolean; retry: () => void;
  info: MetricInfo | undefined; state: BoardState;
  /** The exclusive end of the period in view. */
  end: string | undefined;
};

export function Kpi({ name, title, answer, failure, loading, retry, info, state, end }: Props) {
  const rows = (answer?.rows ?? []) as Row[];
  const latest = rows.at(-1);
  const unit = answer?.columns.find((column) => column.name === name)?.unit ?? info?.unit ?? null;
  const value = (latest?.[name] as number | null | undefined) ?? null;
  const months = info?.windowMonths;
  const covers = months && end ? `${months} months to ${formatEnd(end)}` : latest ? formatPeriod(String(latest.period), state.grain) : "";
  return (
    <KpiFrame name={name} title={title} covers={covers} failure={failure} loading={loading} retry={retry} ready={answer != null}>
      <p class="value">{formatValue(value, unit, "short")}</p>
      {latest && <Change row={latest} name={name} unit={unit} state={state} good={info?.goodDirection ?? null} />}
      <Status mark={markIn(answer, rows.length - 1)} unit={unit} info={info} />
      <Chart label={sparkLabel(title, rows, name, unit, state.grain)} height={34} small draw={(width, height) => drawSpark(sparkPoints(rows, name), width, height)} inputs={[rows]} />
    </KpiFrame>
  );
}

/** The median: of every customer, without a period; the change and the line are of acquisition quarters. */
export function MedianKpi(props: Props & { whole: KpiTable | null | undefined }) {
  const { answer, info, name, state, whole } = props;
  const days = (whole?.rows as Row[] | undefined)?.[0]?.[name] as number | null | undefined;
  const rows = (answer?.rows ?? []) as Row[];
  const latest = rows.filter((row) => row[name] !== null && row[changeKey(name, state)] !== null).at(-1);
  return (
    <KpiFrame {...props} covers="All customers to date" ready={answer != null && days !== undefined}>
      <p class="value">{days === null ? "Not reached" : formatValue(days, "days", "short")} {days !== null && <span class="unit">days</span>}</p>
      {latest && state.compare ? <Change row={latest} name={name} unit="days" state={state} good={info?.goodDirection ?? null} versus={cohorts(String(latest.period), state)} /> : <p class="change">{state.compare ? "No two cohorts to compare yet" : "No comparison chosen"}</p>}
      <Status mark={markIn(whole, 0)} unit="days" info={info} />
      <Chart label={sparkLabel("Median days by acquisition quarter", rows, name, "days", "QUARTER")} height={34} small draw={(width, height) => drawSpark(sparkPoints(rows, name), width, height)} inputs={[rows]} />
    </KpiFrame>
  );
}

type FrameProps = { name: string; title: string; covers: string; failure: Failure | undefined; loading: boolean; retry: () => void; ready: boolean; children: preact.ComponentChildren };

function KpiFrame({ name, title, covers, failure, loading, retry, ready, children }: FrameProps) {
  return (
    <section class="tile kpi" aria-labelledby={`kpi-${name}`} aria-busy={loading} data-tile={`kpi-${name}`}>
      <header>
        <h2 id={`kpi-${name}`}>{title}</h2>
        <IconButton icon="info" name={`How ${title} is defined`} onClick={() => navigate(link({ info: name }))} />
      </header>
      {failure ? <FailureNote failure={failure} retry={retry} />
        : ready ? <div class={`figure ${loading ? "stale" : ""}`}><p class="covers">{covers}</p>{children}</div>
        : <div class="skeleton kpi-skeleton" role="img" aria-label="Loading" />}
    </section>
  );
}

const sparkPoints = (rows: Row[], name: string) => rows.map((row, at) => ({ at, value: row[name] as number | null }));

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
  const size = unit === "currency" && share !== null && share !== undefined ? formatValue(Math.abs(share), "ratio") : formatChange(change, unit);
  // What rounds to nothing is neither better nor worse to read.
  const direction = !/[1-9]/.test(size) ? "level" : change > 0 ? "up" : "down";
  const better = direction === "level" || !good ? null : (direction === "up") === (good.toLowerCase() === "up");
  const shown = direction === "level" ? (change === 0 ? "Unchanged" : "About the same") : unit === "days" ? `${size} ${direction === "down" ? "faster" : "slower"}` : `${direction === "up" ? "Up" : "Down"} ${size}`;
  return (
    <p class={`change ${better === null ? "" : better ? "better" : "worse"}`}>
      <span aria-hidden="true">{direction === "up" ? "▲" : direction === "down" ? "▼" : "■"}</span> {shown} <span class="versus">{versus ?? `vs ${before}`}</span>
    </p>
  );
}

/** What the API judges the metric's value in a row by. */
function markIn(answer: KpiTable | null | undefined, row: number): Mark | null {
  return answer?.marks.find((mark) => mark.row === row) ?? null;
}

const STANDINGS = { BAD: ["bad", "▼"], WATCH: ["watch", "◆"], GOOD: ["good", "●"] } as const;

function Status({ mark, unit, info }: { mark: Mark | null; unit: string | null; info: MetricInfo | undefined }) {
  const { band = null, target = null } = mark ?? {};
  if (!band && !target) return <p class="status none">{info?.bands.length ? "Outside the benchmark’s bands" : "No benchmark defined"}</p>;
  const [level, shape] = band?.standing ? STANDINGS[band.standing] : ["none", "■"];
  return (
    <>
      {band && (
        <p class={`status ${level}`}>
          <span aria-hidden="true">{shape}</span> {sentence(band.label)} <span class="source">{sentence(range(band, unit))}. {band.source}</span>
        </p>
      )}
      {target && (
        <p class="status target">
          Target {formatValue(target.value, unit, "short")}{target.attainment !== null && `, ${formatValue(target.attainment, "ratio")} reached`} <span class="source">{target.source}</span>
        </p>
      )}
    </>
  );
}

function sparkLabel(title: string, rows: Row[], name: string, unit: string | null, grain: Grain): string {
  const known = rows.filter((row) => row[name] !== null);
  const first = known[0];
  const last = known.at(-1);
  if (!first || !last) return `${title}: no values yet`;
  return `${title}: ${formatValue(first[name], unit)} in ${formatPeriod(String(first.period), grain)}, ${formatValue(last[name], unit)} in ${formatPeriod(String(last.period), grain)}`;
}
