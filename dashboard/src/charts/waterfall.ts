// From what a window began with to what it ended with. The steps are the API's; their places on the
// axis follow from the order, and the last step arrives at the ending balance.
import * as Plot from "@observablehq/plot";
import { formatValue } from "../format.ts";
import { base } from "./common.ts";

export type Step = { key: string; label: string; amount: number; kind: "total" | "gain" | "loss"; href: string };
type Placed = Step & { from: number; to: number; text: string; next: string | null };

function place(steps: Step[]): Placed[] {
  let level = 0;
  return steps.map((step, index) => {
    const from = step.kind === "total" ? 0 : level;
    const to = step.kind === "total" ? step.amount : step.kind === "gain" ? level + step.amount : level - step.amount;
    level = to;
    const sign = step.kind === "gain" ? "+" : step.kind === "loss" ? "−" : "";
    return { ...step, from, to, text: sign + formatValue(step.amount, "currency", "short"), next: steps[index + 1]?.label ?? null };
  });
}

export function drawWaterfall(steps: Step[], width: number, height: number) {
  const bars = place(steps);
  const fill = { total: "var(--total)", gain: "var(--gain)", loss: "var(--loss)" };
  const narrow = width < 460;
  const joins = bars.filter((bar) => bar.next !== null).flatMap((bar) => [{ id: bar.key, x: bar.label, y: bar.to }, { id: bar.key, x: bar.next, y: bar.to }]);
  return Plot.plot(
    base(width, height, {
      marginLeft: narrow ? 8 : 52, marginTop: 24, marginBottom: narrow ? 72 : 30,
      x: { domain: bars.map((bar) => bar.label), label: null, padding: narrow ? 0.15 : 0.28, tickSize: 0, tickRotate: narrow ? -40 : 0 },
      y: { axis: narrow ? null : "left", label: null, grid: true, ticks: 4, tickSize: 0, tickFormat: (value: number) => formatValue(value, "currency", "short") },
      marks: [
        Plot.line(joins, { x: "x", y: "y", z: "id", stroke: "var(--axis)" }),
        Plot.barY(bars, {
          x: "label", y1: "from", y2: "to", fill: (bar: Placed) => fill[bar.kind], rx: 2, href: "href",
          ariaLabel: (bar: Placed) => `${bar.label}: ${bar.text}. Show the customers behind it.`,
        }),
        Plot.text(bars, { x: "label", y: (bar: Placed) => Math.max(bar.from, bar.to), text: "text", dy: -9, fontWeight: 600, fill: "var(--ink)", fontSize: narrow ? 9 : 12 }),
        Plot.ruleY([0], { stroke: "var(--axis)" }),
      ],
    }),
  );
}
