// The picture of a flat table: lines where there are periods, bars where there are groups, one
// picture per metric (up to four), the largest groups only.
import { useRef } from "preact/hooks";
import { Chart } from "../charts/chart.tsx";
import { colour } from "../charts/common.ts";
import { barsHeight, drawBars, drawLines } from "../charts/generic.ts";
import { savePng } from "../charts/image.ts";
import { IconButton } from "../components/icons.tsx";
import { NULL } from "../board/state.ts";
import { formatInstant } from "../format.ts";
import { link } from "../router.ts";
import type { Answer, FlatRow } from "./shape.ts";
import type { ExploreState } from "./state.ts";

const PICTURES = 4;
const LINES = 8;
const BARS = 20;

/** A bar leads to the same question about its group alone, where the group is one text. */
function narrowed(row: FlatRow, state: ExploreState): string | null {
  const [dimension, ...others] = state.by;
  const value = dimension === undefined ? undefined : row[dimension];
  if (others.length || (typeof value !== "string" && value !== null)) return null;
  return link({ [`f.${dimension}`]: value ?? NULL });
}

export function ExploreChart({ answer, state, title }: { answer: Answer; state: ExploreState; title: string }) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = answer.rows as FlatRow[];
  const metrics = answer.columns.filter((column) => column.kind === "METRIC").slice(0, PICTURES);
  const name = (row: FlatRow) => state.by.map((dimension) => String(row[dimension] ?? "not set")).join(", ");
  const groups = [...new Set(rows.map(name))];
  const shown = groups.slice(0, state.grain ? LINES : BARS);
  const colours = new Map(shown.map((group, index) => [group, colour(index)]));
  const periods = new Set(rows.map((row) => row.period)).size;
  const asLines = state.grain !== null && periods > 1;
  if (!asLines && state.by.length === 0) return null;
  const source = `Data through ${formatInstant(answer.provenance.dataThrough)}, definitions ${answer.provenance.definitionVersion.slice(0, 8)}`;
  return (
    <div class="explore-charts" ref={frame}>
      <div class="tools"><IconButton icon="image" name="Save the chart as PNG" onClick={() => void savePng(frame.current, title, source, "upswell-explore.png")} /></div>
      {metrics.map((metric) => {
        const ordered = asLines ? [...rows].sort((a, b) => (String(a.period) < String(b.period) ? -1 : 1)) : rows;
        const visible = ordered.filter((row) => colours.has(name(row)));
        const height = asLines ? 260 : barsHeight(Math.min(visible.length, BARS));
        const lines = visible.map((row) => ({ start: String(row.period), group: name(row), value: row[metric.name] as number | null }));
        const bars = visible.slice(0, BARS).map((row) => ({ group: name(row), value: row[metric.name] as number | null, href: narrowed(row, state) }));
        return (
          <div key={metric.name}>
            {metrics.length > 1 && <h2 class="chart-title">{metric.label}</h2>}
            <Chart label={`${metric.label}${state.by.length ? ` by ${state.by.join(" and ")}` : ""}`} height={height} inputs={[answer, location.search]} draw={(width, tall) => (asLines ? drawLines(lines, metric.unit, state.grain ?? "MONTH", colours, width, tall) : drawBars(bars, metric.unit, width))} />
          </div>
        );
      })}
      {asLines && state.by.length > 0 && <ul class="legend">{[...colours].map(([group, fill]) => <li key={group}><span class="swatch" style={{ background: fill }} aria-hidden="true" /> {group}</li>)}</ul>}
      {groups.length > shown.length && <p class="small">The first {shown.length} of {groups.length} groups are drawn; the table has them all.</p>}
    </div>
  );
}
