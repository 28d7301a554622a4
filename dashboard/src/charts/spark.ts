// The line beside a headline figure: its last periods, the latest one marked.
import * as Plot from "@observablehq/plot";

export type SparkPoint = { at: number; value: number | null };

export function drawSpark(points: SparkPoint[], width: number, height: number) {
  const known = points.filter((point) => point.value !== null);
  return Plot.plot({
    className: "plot", width, height, margin: 4, marginRight: 6,
    x: { axis: null, domain: [0, Math.max(points.length - 1, 1)] },
    y: { axis: null, zero: false },
    marks: [
      Plot.lineY(points, { x: "at", y: "value", stroke: "var(--accent)", strokeWidth: 1.75 }),
      Plot.dot(known.slice(-1), { x: "at", y: "value", r: 3, fill: "var(--accent)" }),
    ],
  });
}
