// What all charts share: margins, the twelve colours of categories, axis ticks.
import type { PlotOptions } from "@observablehq/plot";

export const CATEGORIES = Array.from({ length: 12 }, (_, index) => `var(--cat-${index + 1})`);
export const colour = (index: number): string => CATEGORIES[index % CATEGORIES.length] as string;

export function base(width: number, height: number, more: PlotOptions): PlotOptions {
  return { className: "plot", width, height, marginLeft: 56, marginRight: 12, marginTop: 18, marginBottom: 28, ...more };
}

/** Every n-th label, counted from the latest, so that they do not run into each other. */
export function thin(labels: string[], width: number, each = 62): string[] {
  const step = Math.max(1, Math.ceil((labels.length * each) / Math.max(width - 64, 1)));
  return labels.filter((_, index) => (labels.length - 1 - index) % step === 0);
}
