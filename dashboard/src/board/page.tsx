// The board: does the base grow by itself, why, who did it, and can the numbers be trusted.
import type { BoardData } from "../api/types.gen.ts";
import { Chips, MOST_CHIPS, MoreFilters } from "../components/filters.tsx";
import { CustomersPanel } from "../components/customers.tsx";
import { DefinitionPanel } from "../components/definition.tsx";
import { FailureNote } from "../components/failure.tsx";
import { formatPeriod, formatValue, GRAIN_WORDS, setProject, words } from "../format.ts";
import { link, navigate } from "../router.ts";
import { AttachTile, CohortTile, CreditTile, DurationTile } from "./behaviour-tiles.tsx";
import { BaseTile, ExpansionTile, TrendTile, WaterfallTile } from "./growth-tiles.tsx";
import { Kpi, MedianKpi } from "./kpis.tsx";
import { OwnTileView } from "./own-tiles.tsx";
import { attributes, COMPARES, defaultRange, GRAINS, questionOf, RANGES, readBoard, type BoardState } from "./state.ts";
import { Trust } from "./trust.tsx";
import { useBoard, type Board } from "./use-board.ts";

export function BoardPage({ params }: { params: URLSearchParams }) {
  const state = readBoard(params);
  const board = useBoard(questionOf(state));
  const catalog = board.data.catalog;
  if (catalog) setProject(catalog);
  const info = (name: string) => catalog?.metrics.find((metric) => metric.name === name);
  const kpi = (name: string, title: string, field: keyof BoardData) => ({
    name, title, state, info: info(name), answer: board.data[field] as BoardData["kpiNrr"], failure: board.failures[field], loading: board.loading.kpis, retry: () => board.retry("kpis"), end: latest?.period.end,
  });
  // Old numbers never stand beside a new question that failed.
  const latest = board.failures.retention ? undefined : board.data.retention?.rows.at(-1);
  return (
    <main id="main" tabIndex={-1}>
      <div class="masthead">
        <div class={board.loading.retention && latest ? "stale" : ""}>
          <h1>{headline(latest)}</h1>
          <p class="lede">{periodWords(state, latest)}{segmentWords(state)}</p>
        </div>
        <Trust board={board} open={params.has("trust")} />
      </div>
      <Controls state={state} board={board} />
      {board.failures.catalog && <FailureNote failure={board.failures.catalog} retry={() => board.retry("catalogue")} />}
      <div class="kpis">
        <Kpi {...kpi("nrr", "Net retention (NRR)", "kpiNrr")} />
        <Kpi {...kpi("grr", "Gross retention (GRR)", "kpiGrr")} />
        <Kpi {...kpi("expansion_mrr", "Expansion MRR", "kpiExpansion")} />
        <Kpi {...kpi("attach_rate", "Attach rate", "kpiAttach")} />
        <MedianKpi {...kpi("median_days_to_expansion", "Median days to expand", "kpiMedian")} whole={board.data.kpiMedianAll} failure={board.failures.kpiMedian ?? board.failures.kpiMedianAll} />
        <Kpi {...kpi("expansion_rate", "Expansion rate", "kpiExpansionRate")} />
      </div>
      <div class="tiles">
        <WaterfallTile board={board} state={state} />
        <TrendTile board={board} state={state} />
        <ExpansionTile board={board} state={state} />
        <BaseTile board={board} state={state} />
        <CohortTile board={board} state={state} />
        <AttachTile board={board} state={state} />
        <DurationTile board={board} state={state} />
        <CreditTile board={board} state={state} />
        {catalog?.tiles.map((tile, index, all) => <OwnTileView key={`${tile.metric}-${tile.groupBy.join()}`} tile={tile} state={state} alone={all.length % 2 === 1 && index === all.length - 1} />)}
      </div>
      {params.has("info") && <DefinitionPanel key={params.get("info")} name={params.get("info") as string} />}
      {params.has("drill") && <CustomersPanel params={params} />}
    </main>
  );
}

type Latest = NonNullable<BoardData["retention"]>["rows"][number] | undefined;

/** The one sentence. */
function headline(latest: Latest): string {
  if (!latest) return "Customer expansion";
  if (latest.nrr === null) return "Twelve months of history are needed to say whether the base grows by itself";
  const nrr = formatValue(latest.nrr, "ratio");
  if (latest.nrr > 1) return `The base grows by itself: last year’s customers now pay ${nrr} of what they paid`;
  if (latest.nrr === 1) return "The base holds its value: last year’s customers pay what they paid";
  return `The base shrinks without new sales: last year’s customers now pay ${nrr} of what they paid`;
}

function periodWords(state: BoardState, latest: Latest): string {
  const period = latest ? formatPeriod(latest.period.start, state.grain) : `Latest complete ${GRAIN_WORDS[state.grain]}`;
  const compared = state.compare === "PREVIOUS_PERIOD" ? `, compared with the ${GRAIN_WORDS[state.grain]} before` : state.compare ? `, compared with ${COMPARES[state.compare]}` : "";
  return `${period}, shown by ${GRAIN_WORDS[state.grain]}${compared}`;
}

function segmentWords(state: BoardState): string {
  if (!state.filters.size) return ", all customers";
  return [...state.filters].map(([name, values]) => `, ${words(name).toLowerCase()} ${values.map((value) => (value === "~null" ? "not set" : value)).join(" or ")}`).join("");
}

const known = new Map<string, string>();

function Controls({ state, board }: { state: BoardState; board: Board }) {
  // Periods seen so far stay on offer after one of them was chosen.
  if (!board.loading.retention) for (const row of board.data.retention?.rows ?? []) known.set(`${state.grain} ${row.period.end}`, formatPeriod(row.period.start, state.grain));
  const periods = [...known].filter(([key]) => key.startsWith(`${state.grain} `)).map(([key, label]) => [key.split(" ")[1] as string, label] as const).sort((a, b) => (a[0] < b[0] ? 1 : -1));
  const catalog = board.data.catalog;
  const ranges = RANGES[state.grain] ?? [];
  return (
    <form class="controls" aria-label="What the board shows" onSubmit={(event) => event.preventDefault()}>
      <label class="choice"><span>By</span>
        <select value={state.grain} onChange={(event) => navigate(link({ grain: event.currentTarget.value.toLowerCase(), last: null, end: null }))}>{GRAINS.map((grain) => <option key={grain} value={grain}>{words(GRAIN_WORDS[grain])}</option>)}</select>
      </label>
      <label class="choice"><span>Period</span>
        <select value={state.end ?? ""} onChange={(event) => navigate(link({ end: event.currentTarget.value || null }))}>
          <option value="">Latest complete</option>
          {state.end && !periods.some(([end]) => end === state.end) && <option value={state.end}>Before {state.end}</option>}
          {periods.map(([end, label]) => <option key={end} value={end}>{label}</option>)}
        </select>
      </label>
      <label class="choice"><span>History</span>
        <select value={String(state.last)} onChange={(event) => navigate(link({ last: Number(event.currentTarget.value) === defaultRange(state.grain) ? null : event.currentTarget.value }))}>
          {[...new Set([...ranges, state.last])].sort((a, b) => a - b).map((count) => <option key={count} value={String(count)}>{count} {GRAIN_WORDS[state.grain]}s</option>)}
        </select>
      </label>
      <label class="choice"><span>Against</span>
        <select value={state.compare ?? "none"} onChange={(event) => navigate(link({ compare: event.currentTarget.value === "PREVIOUS_YEAR" ? null : event.currentTarget.value.toLowerCase() }))}>
          <option value="PREVIOUS_YEAR">The year before</option>
          <option value="PREVIOUS_PERIOD">The {GRAIN_WORDS[state.grain]} before</option>
          <option value="none">Nothing</option>
        </select>
      </label>
      <div class="filter-row">
        <Chips dimension="segment" label="Segment" values={catalog?.chips ?? []} chosen={state.filters.get("segment") ?? []} />
        <MoreFilters filters={state.filters} dimensions={attributes(catalog)} {...((catalog?.chips ?? []).length > MOST_CHIPS ? {} : { without: "segment" })} />
      </div>
    </form>
  );
}
