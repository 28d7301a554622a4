// Retention over time with its bands behind it; the period under way is dashed and hollow.
import * as Plot from "@observablehq/plot";
import { formatValue, shortPeriod } from "../format.ts";
import type { Grain } from "../api/types.gen.ts";
import { base, thin } from "./common.ts";

export type TrendPoint = { start: string; complete: boolean; nrr: number | null; grr: number | null; href: string };
export type TrendBand = { label: string; low: number | null; high: number | null };

const SERIES = [["nrr", "NRR", "var(--accent)"], ["grr", "GRR", "var(--second)"]] as const;

export function drawTrend(points: TrendPoint[], bands: TrendBand[], grain: Grain, width: number, height: number) {
  const label = (point: TrendPoint) => shortPeriod(point.start, grain);
  const labels = points.map(label);
  const values = points.flatMap((point) => [point.nrr, point.grr]).filter((value) => value !== null);
  const low = Math.floor(Math.min(...values, 1) * 20 - 0.6) / 20;
  const high = Math.ceil(Math.max(...values, 1) * 20 + 0.6) / 20;
  const shown = bands
    .map((band) => ({ ...band, y1: Math.max(band.low ?? low, low), y2: Math.min(band.high ?? high, high) }))
    .filter((band) => band.y2 > band.y1);
  const marks = SERIES.flatMap(([key, name, colour]) => {
    const rows = points.filter((point) => point[key] !== null);
    const last = rows.at(-1);
    const dashed = last && !last.complete ? rows.slice(-2) : [];
    return [
      Plot.lineY(points.filter((point) => point.complete), { x: label, y: key, stroke: colour, strokeWidth: 2.25 }),
      Plot.lineY(dashed, { x: label, y: key, stroke: colour, strokeWidth: 2, strokeDasharray: "4,4" }),
      Plot.dot(rows, {
        x: label, y: key, r: 4, stroke: colour, strokeWidth: 2, fill: (point: TrendPoint) => (point.complete ? colour : "var(--card)"), href: "href",
        ariaLabel: (point: TrendPoint) => `${name} ${label(point)}${point.complete ? "" : " (under way)"}: ${formatValue(point[key], "ratio")}. Show the board of this period.`,
      }),
      Plot.text(rows.slice(-1), { x: label, y: key, text: (point: TrendPoint) => `${name} ${formatValue(point[key], "ratio")}`, dx: 10, textAnchor: "start", fontWeight: 600, fill: "var(--ink)", fontSize: 12 }),
    ];
  });
  return Plot.plot(
    base(width, height, {
      marginRight: 88,
      x: { domain: labels, label: null, type: "point", padding: 0.35, tickSize: 0, ticks: thin(labels, width) },
      y: { domain: [low, high], label: null, ticks: 5, tickSize: 0, tickFormat: (value: number) => `${Math.round(value * 100)}%` },
      marks: [
        ...shown.map((band, index) => Plot.rect([band], { y1: "y1", y2: "y2", fill: index % 2 ? "var(--band-b)" : "var(--band-a)" })),
        Plot.ruleY([1], { stroke: "var(--axis)", strokeDasharray: "3,3" }),
        Plot.text(shown.filter((band) => band.y2 - band.y1 > (high - low) / 14), { frameAnchor: "left", y: (band: { y2: number }) => band.y2, text: "label", dx: 6, dy: 9, fontSize: 11, fill: "var(--muted)" }),
        ...marks,
      ],
    }),
  );
}
