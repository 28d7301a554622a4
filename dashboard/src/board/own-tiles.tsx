// The tiles that a project put on the board by a file: a metric over time, or by dimensions.
import { METRIC_TABLE } from "../api/documents.ts";
import type { BoardData } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { Chart } from "../charts/chart.tsx";
import { barsHeight, drawBars, drawLines } from "../charts/generic.ts";
import { Tile } from "../components/tile.tsx";
import { formatPeriod, GRAIN_WORDS, setProject } from "../format.ts";
import { link } from "../router.ts";
import { tableOf, type FlatRow } from "../explore/shape.ts";
import { NULL, whereOf, type BoardState } from "./state.ts";

type OwnTile = NonNullable<BoardData["catalog"]>["tiles"][number];
const MOST = 12;

export function OwnTileView({ tile, state, alone }: { tile: OwnTile; state: BoardState; alone: boolean }) {
  const grouped = tile.groupBy.length > 0;
  const asked = useAsk(METRIC_TABLE, {
    select: [tile.metric], grain: state.grain, groupBy: tile.groupBy, where: whereOf(state.filters),
    period: { last: grouped ? 1 : state.last, ...(state.end ? { end: state.end } : {}) },
    orderBy: grouped ? [{ by: tile.metric, descending: true }] : [], limit: grouped ? MOST : 1000,
  });
  const answer = asked.data?.metrics;
  if (asked.data?.catalog) setProject(asked.data.catalog);
  const rows = (answer?.rows ?? []) as FlatRow[];
  const unit = answer?.columns.find((column) => column.name === tile.metric)?.unit ?? null;
  const name = (row: FlatRow) => tile.groupBy.map((dimension) => row[dimension] ?? "not set").join(", ");
  const bars = rows.map((row) => ({ group: name(row), value: row[tile.metric] as number | null, href: tile.groupBy.length === 1 ? link({ [`f.${tile.groupBy[0]}`]: String(row[tile.groupBy[0] as string] ?? NULL) }) : null }));
  const points = rows.map((row) => ({ start: String(row.period), group: "", value: row[tile.metric] as number | null }));
  const height = grouped ? barsHeight(Math.max(rows.length, 5)) : 240;
  return (
    <Tile
      id={`own-${tile.metric}-${tile.groupBy.join("-")}`} title={tile.label} metric={tile.metric} table={answer ? tableOf(answer, state.grain) : null} source={answer?.provenance ?? null}
      loading={asked.loading} failure={asked.failure} retry={asked.retry} height={height} size={alone ? "full" : "half"}
      subtitle={grouped ? (rows[0] ? formatPeriod(String(rows[0].period), state.grain) : "Latest period") : `By ${GRAIN_WORDS[state.grain]}`} empty={rows.length ? null : "Nothing is recorded in this period."}
    >
      <Chart label={tile.label} height={height} inputs={[answer, location.search]} draw={(width, tall) => (grouped ? drawBars(bars, unit, width) : drawLines(points, unit, state.grain, new Map(), width, tall))} />
    </Tile>
  );
}
