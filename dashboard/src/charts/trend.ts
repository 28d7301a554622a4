// Retention over time, with its bands behind it; the period under way is dashed and hollow.
import * as Plot from "@observablehq/plot";
import { formatTick, formatValue, sentence, shortPeriod } from "../format.ts";
import type { Grain } from "../api/types.gen.ts";
import { base, thin } from "./common.ts";

export type TrendPoint = { start: string; complete: boolean; nrr: number | null; grr: number | null; href: string };
export type TrendBand = { label: string; low: number | null; high: number | null };
export type TrendSeries = { key: "nrr" | "grr"; name: string; colour: string };

/** Room around the line, to the next 5 %. */
const STEP = 0.05;

export function drawTrend(points: TrendPoint[], { key, name, colour }: TrendSeries, bands: TrendBand[], grain: Grain, width: number, height: number) {
  const label = (point: TrendPoint) => shortPeriod(point.start, grain);
  const labels = points.map(label);
  const rows = points.filter((point) => point[key] !== null);
  const values = rows.map((point) => point[key] as number);
  const [low, high] = [Math.floor(Math.min(...values) / STEP - 0.6) * STEP, Math.ceil(Math.max(...values) / STEP + 0.6) * STEP];
  const last = rows.at(-1);
  const steps = Math.round((high - low) / STEP);
  const ticks = Array.from({ length: steps + 1 }, (_, index) => low + index * STEP).filter((_, index) => index % Math.ceil(steps / (height / 34)) === 0);
  const shown = bands
    .map((band) => ({ ...band, y1: Math.max(band.low ?? low, low), y2: Math.min(band.high ?? high, high) }))
    .filter((band) => band.y2 - band.y1 > 1e-9);
  const named = shown.filter((band) => ((band.y2 - band.y1) / (high - low)) * height > 16);
  return Plot.plot(
    base(width, height, {
      marginRight: 88, marginTop: 8, marginBottom: 24,
      x: { domain: labels, label: null, type: "point", padding: 0.35, tickSize: 0, ticks: thin(labels, width - 40) },
      y: { domain: [low, high], label: null, ticks, grid: !bands.length, tickSize: 0, tickFormat: (value: number) => formatTick(value, "ratio") },
      marks: [
        ...shown.map((band, index) => Plot.rect([band], { y1: "y1", y2: "y2", fill: index % 2 ? "var(--band-b)" : "var(--band-a)" })),
        ...(low < 1 && high > 1 ? [Plot.ruleY([1], { stroke: "var(--axis)", strokeDasharray: "3,3" })] : []),
        Plot.lineY(points.filter((point) => point.complete), { x: label, y: key, stroke: colour, strokeWidth: 2.25 }),
        Plot.lineY(last && !last.complete ? rows.slice(-2) : [], { x: label, y: key, stroke: colour, strokeWidth: 2, strokeDasharray: "4,4" }),
        Plot.text(named, { frameAnchor: "left", y: (band: { y2: number }) => band.y2, text: (band: TrendBand) => sentence(band.label), dx: 6, dy: 9, fontSize: 11, fill: "var(--muted)", stroke: "var(--band-a)", strokeWidth: 4 }),
        Plot.dot(rows, {
          x: label, y: key, r: 4, stroke: colour, strokeWidth: 2, fill: (point: TrendPoint) => (point.complete ? colour : "var(--card)"), href: "href",
          ariaLabel: (point: TrendPoint) => `${name} ${label(point)}${point.complete ? "" : " (under way)"}: ${formatValue(point[key], "ratio")}. Show the board of this period.`,
        }),
        Plot.text(rows.slice(-1), { x: label, y: key, text: (point: TrendPoint) => `${name} ${formatValue(point[key], "ratio")}`, dx: 10, textAnchor: "start", fontWeight: 600, fill: "var(--ink)", fontSize: 12 }),
      ],
    }),
  );
}
