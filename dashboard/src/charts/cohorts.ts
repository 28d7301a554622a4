// Acquisition cohorts by age: one cell per cohort and age, its value written in it.
import * as Plot from "@observablehq/plot";
import { base } from "./common.ts";

export type CohortCell = { cohort: string; age: number; value: number | null; text: string; hint: string; step: number; href: string | null };

/** Cells carry their colour step 1–7; the palette keeps their text readable in light and dark. */
export function drawCohorts(cells: CohortCell[], width: number) {
  const cohorts = [...new Set(cells.map((cell) => cell.cohort))];
  const oldest = Math.max(...cells.map((cell) => cell.age), 0);
  const ages = Array.from({ length: oldest + 1 }, (_, age) => age);
  const room = (width - 80) / ages.length;
  return Plot.plot(
    base(width, cohortHeight(cohorts.length), {
      marginLeft: 74, marginTop: 34, marginBottom: 6, marginRight: 6, padding: 0.04,
      x: { domain: ages, label: "Quarters since acquisition", labelAnchor: "left", labelArrow: "none", axis: "top", tickSize: 0 },
      y: { domain: cohorts, label: null, tickSize: 0 },
      marks: [
        Plot.cell(cells, { x: "age", y: "cohort", fill: (cell: CohortCell) => `var(--heat-${cell.step})`, rx: 2, ariaLabel: "hint", title: "hint", ...(cells.some((cell) => cell.href) ? { href: "href" } : {}) }),
        Plot.text(room < 30 ? [] : cells, { x: "age", y: "cohort", text: "text", fill: (cell: CohortCell) => `var(--heat-text-${cell.step})`, fontSize: room < 44 ? 10 : 12, pointerEvents: "none" }),
      ],
    }),
  );
}

export const cohortHeight = (rows: number): number => 40 + rows * 26;
