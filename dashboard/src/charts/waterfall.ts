// From what a window began with to what it ended with. The steps are the API's; their places on the
// axis follow from the order, and the last step arrives at the ending balance.
import * as Plot from "@observablehq/plot";
import { formatTick, formatValue } from "../format.ts";
import { base } from "./common.ts";

export type Step = { key: string; label: string; amount: number; kind: "total" | "gain" | "loss"; href: string };
type Placed = Step & { from: number; to: number; text: string };

function place(steps: Step[]): Placed[] {
  let level = 0;
  return steps.map((step) => {
    const from = step.kind === "total" ? 0 : level;
    const to = step.kind === "total" ? step.amount : step.kind === "gain" ? level + step.amount : level - step.amount;
    level = to;
    const sign = step.kind === "gain" ? "+" : step.kind === "loss" ? "−" : "";
    return { ...step, from, to, text: sign + formatValue(step.amount, "currency", "short") };
  });
}

const FILL = { total: "var(--total)", gain: "var(--gain)", loss: "var(--loss)" };
const NARROW = 460;

export function drawWaterfall(steps: Step[], width: number, height: number) {
  const bars = place(steps);
  const labels = bars.map((bar) => bar.label);
  const mark = { fill: (bar: Placed) => FILL[bar.kind], rx: 2, href: "href", ariaLabel: (bar: Placed) => `${bar.label}: ${bar.text}. Show the customers behind it.` };
  // On a phone the steps lie: their names and amounts stay readable.
  if (width < NARROW) {
    return Plot.plot(
      base(width, height, {
        marginLeft: 84, marginRight: 58, marginTop: 4, marginBottom: 4,
        x: { axis: null }, y: { domain: labels, label: null, padding: 0.3, tickSize: 0 },
        marks: [
          joins(bars, "down"),
          Plot.barX(bars, { y: "label", x1: "from", x2: "to", ...mark }),
          Plot.text(bars, { y: "label", x: (bar: Placed) => Math.max(bar.from, bar.to), text: "text", dx: 6, textAnchor: "start", fontWeight: 600, fill: "var(--ink)" }),
          Plot.ruleX([0], { stroke: "var(--axis)" }),
        ],
      }),
    );
  }
  return Plot.plot(
    base(width, height, {
      marginTop: 24, marginBottom: 30,
      x: { domain: labels, label: null, padding: 0.28, tickSize: 0 },
      y: { label: null, grid: true, ticks: 4, tickSize: 0, tickFormat: (value: number) => formatTick(value, "currency") },
      marks: [
        joins(bars, "across"),
        Plot.barY(bars, { x: "label", y1: "from", y2: "to", ...mark }),
        Plot.text(bars, { x: "label", y: (bar: Placed) => Math.max(bar.from, bar.to), text: "text", dy: -9, fontWeight: 600, fill: "var(--ink)" }),
        Plot.ruleY([0], { stroke: "var(--axis)" }),
      ],
    }),
  );
}

/** A scale as marks are given it, which Plot's types do not tell. */
type Band = ((label: string) => number) & { bandwidth: () => number };

/** From the end of each bar to the beginning of the next, edge to edge. */
function joins(bars: Placed[], way: "across" | "down"): Plot.Markish {
  return (_index, scales) => {
    const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
    const [band, length] = way === "across" ? [scales.x, scales.y] : [scales.y, scales.x];
    const thickness = (band as unknown as Band).bandwidth();
    const at = (name: string) => (band as unknown as Band)(name);
    bars.slice(1).forEach((next, index) => {
      const bar = bars[index] as Placed;
      const [from, to, level] = [at(bar.label) + thickness, at(next.label), (length as unknown as (value: number) => number)(bar.to)];
      const ends = way === "across" ? { x1: from, x2: to, y1: level, y2: level } : { y1: from, y2: to, x1: level, x2: level };
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [name, value] of Object.entries({ ...ends, stroke: "var(--axis)" })) line.setAttribute(name, String(value));
      group.append(line);
    });
    return group;
  };
}
