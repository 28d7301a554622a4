// Charts for tables of any shape: lines over periods by group, or bars by group.
import * as Plot from "@observablehq/plot";
import { formatTick, formatValue, shortPeriod } from "../format.ts";
import type { Grain } from "../api/types.gen.ts";
import { base, thin } from "./common.ts";

export type LinePoint = { start: string; group: string; value: number | null };

export function drawLines(points: LinePoint[], unit: string | null, grain: Grain, colours: Map<string, string>, width: number, height: number) {
  const label = (point: LinePoint) => shortPeriod(point.start, grain);
  const labels = [...new Set(points.map(label))];
  const stroke = (point: LinePoint) => colours.get(point.group) ?? "var(--accent)";
  return Plot.plot(
    base(width, height, {
      x: { domain: labels, type: "point", label: null, padding: 0.3, tickSize: 0, ticks: thin(labels, width) },
      y: { label: null, grid: true, ticks: 5, tickSize: 0, zero: unit !== "ratio", tickFormat: (value: number) => formatTick(value, unit) },
      marks: [
        Plot.lineY(points, { x: label, y: "value", z: "group", stroke, strokeWidth: 2 }),
        Plot.dot(points.filter((point) => point.value !== null), { x: label, y: "value", r: 2.5, fill: stroke, title: (point: LinePoint) => `${point.group ? `${point.group}, ` : ""}${label(point)}: ${formatValue(point.value, unit)}` }),
      ],
    }),
  );
}

export type BarPoint = { group: string; value: number | null; href?: string | null };

export function drawBars(points: BarPoint[], unit: string | null, width: number) {
  const longest = Math.min(Math.max(...points.map((point) => point.group.length), 4), 26);
  const cut = (name: string) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
  return Plot.plot(
    base(width, barsHeight(points.length), {
      marginLeft: longest * 7 + 14, marginRight: 64, marginTop: 4, marginBottom: 4,
      x: { axis: null }, y: { domain: points.map((_, index) => index), label: null, tickSize: 0, padding: 0.25, tickFormat: (index: number) => cut(points[index]?.group ?? "") },
      marks: [
        Plot.barX(points, {
          x: "value", y: (_: BarPoint, index: number) => index, fill: "var(--accent)", rx: 2,
          ariaLabel: (point: BarPoint) => `${point.group}: ${formatValue(point.value, unit)}`, ...(points.some((point) => point.href) ? { href: "href" } : {}),
        }),
        Plot.text(points, { x: (point: BarPoint) => Math.max(point.value ?? 0, 0), y: (_: BarPoint, index: number) => index, text: (point: BarPoint) => formatValue(point.value, unit, "short"), textAnchor: "start", dx: 6, fontSize: 12, fill: "var(--ink)" }),
        Plot.ruleX([0], { stroke: "var(--axis)" }),
      ],
    }),
  );
}

export const barsHeight = (rows: number): number => 12 + rows * 28;
