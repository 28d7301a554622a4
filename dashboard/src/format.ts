// How numbers and dates read. Numbers are the API's: this file rounds for the eye and computes none.
import type { Grain } from "./api/types.gen.ts";

const LOCALE = "en-US";
const MISSING = "–";

export type Style = "short" | "full" | "exact";

let currency = "USD";
let zone = "UTC";
/** The warehouse's currency and the zone in which its days begin, once the catalogue has told them. */
export function setProject(project: { currency: string; timeZone: string }): void {
  currency = project.currency;
  zone = project.timeZone;
}

const cache = new Map<string, Intl.NumberFormat>();
function formatter(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let found = cache.get(key);
  if (!found) cache.set(key, (found = new Intl.NumberFormat(LOCALE, options)));
  return found;
}

/** A value by its unit: currency, ratio (shown in percent), count, days, or any other. */
export function formatValue(value: unknown, unit: string | null | undefined, style: Style = "full"): string {
  if (value === null || value === undefined) return MISSING;
  if (typeof value !== "number") return String(value);
  return formatter(options(unit, style, value)).format(value).replace("-", "−") + (unit === "days" && style !== "short" ? (value === 1 ? " day" : " days") : "");
}

function options(unit: string | null | undefined, style: Style, value: number): Intl.NumberFormatOptions {
  switch (unit) {
    case "currency":
      if (style === "exact") return { style: "currency", currency, currencyDisplay: "narrowSymbol" };
      if (style === "full") return { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 };
      return { style: "currency", currency, currencyDisplay: "narrowSymbol", notation: "compact", ...digits(value) };
    case "ratio":
      return { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 };
    case "count":
    case "days":
      return style === "short" && Math.abs(value) >= 10_000 ? { notation: "compact", ...digits(value) } : { maximumFractionDigits: 0 };
    default:
      return { maximumFractionDigits: 2 };
  }
}

/** For axes: as few digits as tell the ticks apart. */
export function formatTick(value: number, unit: string | null | undefined): string {
  if (unit !== "ratio") return formatValue(value, unit, "short");
  return formatter({ style: "percent", maximumFractionDigits: 1 }).format(value).replace("-", "−");
}

/** Three significant digits where they say something: $4.07M, $935K, $0. */
function digits(value: number): Intl.NumberFormatOptions {
  return Math.abs(value) < 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3, minimumSignificantDigits: 1 };
}

/** A change without its sign, in the unit people say it in: points for ratios. */
export function formatChange(change: number, unit: string | null | undefined): string {
  if (unit === "ratio") return `${formatter({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(Math.abs(change) * 100)} pts`;
  return formatValue(Math.abs(change), unit, unit === "days" ? "full" : "short");
}

const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
const atNoon = (iso: string) => new Date(`${iso.slice(0, 10)}T12:00:00Z`);

export function formatDate(iso: string | null): string {
  return iso ? dayOf(atNoon(iso)) : MISSING;
}

/** The day of an instant in the reporting time zone, as the API writes days. */
export function dayOfInstant(iso: string): string {
  return new Date(iso).toLocaleDateString("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
}

export const formatInstant = (iso: string | null): string => (iso ? formatDate(dayOfInstant(iso)) : MISSING);

/** The last day before an exclusive end. */
export function formatEnd(iso: string | null): string {
  return iso ? dayOf(new Date(atNoon(iso).getTime() - 86_400_000)) : MISSING;
}

const dayOf = (date: Date) => date.toLocaleDateString("en-GB", DAY).replace("Sept", "Sep");
const month = (date: Date, options: Intl.DateTimeFormatOptions = { month: "short" }) => date.toLocaleDateString("en-GB", { ...options, timeZone: "UTC" }).replace("Sept", "Sep");

/** A period by its start: Q4 2025, Dec 2025, 2025; a fiscal quarter by its months. */
export function formatPeriod(start: string, grain: Grain | null): string {
  const date = atNoon(start);
  const year = date.getUTCFullYear();
  const first = date.getUTCMonth();
  switch (grain) {
    case "YEAR":
      return first === 0 ? String(year) : `12 months from ${month(date)} ${year}`;
    case "QUARTER":
      if (first % 3 === 0) return `Q${first / 3 + 1} ${year}`;
      return `${month(date)}–${month(new Date(Date.UTC(year, first + 2, 15)))} ${year}`;
    case "MONTH":
      return `${month(date)} ${year}`;
    case "WEEK":
      return `Week of ${formatDate(start)}`;
    default:
      return formatDate(start);
  }
}

/** The first of a month, some months on. */
export function shiftMonths(start: string, months: number): string {
  const date = atNoon(start);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)).toISOString().slice(0, 10);
}

/** For axes: Q4 ’25, Dec ’25. */
export function shortPeriod(start: string, grain: Grain | null): string {
  return formatPeriod(start, grain).replace(/ 20(\d\d)$/, " ’$1");
}

/** A text with its first letter capital. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** snake_case names of types and owners as words. */
export function words(name: string | null, missing = "Not classified"): string {
  if (name === null) return missing;
  return sentence(name.replaceAll("_", " "));
}

export const GRAIN_WORDS: Record<Grain, string> = { DAY: "day", WEEK: "week", MONTH: "month", QUARTER: "quarter", YEAR: "year" };
