// Columns over periods: plain, or stacked by a category.
import * as Plot from "@observablehq/plot";
import { formatTick, formatValue, shortPeriod } from "../format.ts";
import type { Grain } from "../api/types.gen.ts";
import { base, thin } from "./common.ts";

export type ColumnPoint = { start: string; value: number | null; category: string; href: string | null; hint: string };
type Options = { unit: string | null; grain: Grain | null; colours: Map<string, string>; labelled?: boolean };

export function drawColumns(points: ColumnPoint[], { unit, grain, colours, labelled }: Options, width: number, height: number) {
  const label = (point: ColumnPoint) => shortPeriod(point.start, grain);
  const labels = [...new Set(points.map(label))];
  const order = [...colours.keys()];
  const sorted = [...points].sort((a, b) => order.indexOf(a.category) - order.indexOf(b.category));
  const shown = sorted.filter((point) => point.value !== null && point.value !== 0);
  const texts = labelled && labels.length <= width / 46 ? [Plot.text(shown, { x: label, y: "value", text: (point: ColumnPoint) => formatValue(point.value, unit, "short"), dy: -8, fontSize: 11, fill: "var(--ink)" })] : [];
  return Plot.plot(
    base(width, height, {
      x: { domain: labels, label: null, padding: 0.22, tickSize: 0, ticks: thin(labels, width) },
      y: { label: null, grid: true, ticks: 4, tickSize: 0, tickFormat: (value: number) => formatTick(value, unit) },
      marks: [
        Plot.barY(shown, {
          x: label, y: "value", z: "category", fill: (point: ColumnPoint) => colours.get(point.category) ?? "var(--muted)", insetBottom: 0.5,
          ariaLabel: "hint", title: "hint", ...(shown.some((point) => point.href) ? { href: "href" } : {}),
        }),
        ...texts,
        Plot.ruleY([0], { stroke: "var(--axis)" }),
      ],
    }),
  );
}
