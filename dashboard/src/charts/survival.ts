// How many have not expanded yet, by days since acquisition, with the median, the confidence band
// and the numbers at risk under the axis.
import * as Plot from "@observablehq/plot";
import { formatTick, formatValue } from "../format.ts";
import { base } from "./common.ts";

export type CurvePoint = { day: number; survival: number; low95: number | null; high95: number | null; atRisk: number };

export function drawSurvival(points: CurvePoint[], subjects: number, median: number | null, width: number, height: number) {
  const curve: CurvePoint[] = [{ day: 0, survival: 1, low95: null, high95: null, atRisk: subjects }, ...points];
  const last = curve.at(-1)?.day ?? 0;
  const step = [30, 60, 90, 180, 365].find((days) => last / days <= width / 62) ?? 365;
  const ticks = Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
  // At risk on a day: of the first event on or after it.
  const risk = ticks.map((day) => ({ day, atRisk: curve.find((point) => point.day >= day)?.atRisk ?? null })).filter((row) => row.atRisk !== null);
  const middle = median === null ? [] : [{ day: median }];
  return Plot.plot(
    base(width, height, {
      marginBottom: 62, marginLeft: 66, marginRight: 20,
      x: { domain: [0, Math.max(last, 1)], label: null, ticks, tickSize: 0 },
      y: { domain: [0, 1], label: null, grid: true, ticks: 4, tickSize: 0, tickFormat: (value: number) => formatTick(value, "ratio") },
      marks: [
        Plot.areaY(curve, { x: "day", y1: "low95", y2: "high95", curve: "step-after", fill: "var(--accent)", fillOpacity: 0.18 }),
        Plot.lineY(curve, { x: "day", y: "survival", curve: "step-after", stroke: "var(--accent)", strokeWidth: 2.25 }),
        Plot.ruleX(middle, { x: "day", y1: 0, y2: 0.5, stroke: "var(--ink)", strokeDasharray: "3,3" }),
        Plot.ruleY(middle, { y: () => 0.5, x1: () => 0, x2: "day", stroke: "var(--ink)", strokeDasharray: "3,3" }),
        Plot.text(middle, { x: "day", y: () => 0.5, text: () => `Median ${formatValue(median, "days")}`, textAnchor: "start", dx: 8, dy: -10, fontWeight: 600, fill: "var(--ink)", fontSize: 12 }),
        Plot.text(risk, { x: "day", frameAnchor: "bottom", dy: 38, text: (row: { atRisk: number }) => formatValue(row.atRisk, "count", "short"), fontSize: 11, fill: "var(--muted)" }),
        Plot.text(["At risk"], { frameAnchor: "bottom-left", dx: -62, dy: 38, textAnchor: "start", fontSize: 11, fill: "var(--muted)" }),
        Plot.text(["Days"], { frameAnchor: "bottom-left", dx: -62, dy: 17, textAnchor: "start", fontSize: 11, fill: "var(--muted)" }),
        Plot.ruleY([0], { stroke: "var(--axis)" }),
      ],
    }),
  );
}
