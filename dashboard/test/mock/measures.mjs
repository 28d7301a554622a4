// The mock's arithmetic: enough of the definition book that tiles agree with each other (the
// waterfall closes, shares add up). It is a stand-in for the API in development, not a second oracle.
import { ADD_ONS, FIRST, day, iso } from "./world.mjs";

const MONTHS = { MONTH: 1, QUARTER: 3, YEAR: 12 };
const money = (cents) => Math.round(cents) / 100;
const ratio = (a, b) => (b ? a / b : null);

export function shiftMonths(at, months) {
  const date = new Date(at * 86_400_000);
  return Math.floor(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, Math.min(date.getUTCDate(), 28)) / 86_400_000);
}
function floor(at, grain) {
  if (grain === "DAY") return at;
  if (grain === "WEEK") return at - ((at + 3) % 7);
  const date = new Date(at * 86_400_000);
  const month = date.getUTCMonth();
  return Math.floor(Date.UTC(date.getUTCFullYear(), month - (month % MONTHS[grain]), 1) / 86_400_000);
}
const next = (at, grain, n = 1) => (MONTHS[grain] ? shiftMonths(at, n * MONTHS[grain]) : at + n * (grain === "WEEK" ? 7 : 1));

/** The periods that a question means. */
export function periods(world, input, grain) {
  const through = world.through;
  if (input?.last) {
    const end = floor(Math.min(input.end ? day(input.end) : through, through), grain);
    return Array.from({ length: input.last }, (_, i) => ({ start: next(end, grain, i - input.last), end: next(end, grain, i - input.last + 1), complete: true }));
  }
  const start = input?.start ? day(input.start) : FIRST;
  const end = input?.end ? day(input.end) : through;
  if (!grain) return [{ start, end, complete: end <= through }];
  const out = [];
  for (let at = floor(start, grain); at < end; at = next(at, grain)) out.push({ start: Math.max(at, start), end: Math.min(next(at, grain), end), complete: at >= start && next(at, grain) <= end && next(at, grain) <= through });
  return out;
}
export const periodOut = (p) => ({ start: iso(p.start), end: iso(p.end), complete: p.complete });

export function balance(customer, at) {
  let sum = 0;
  for (const move of customer.moves) if (move.day < at) sum += move.amount;
  return sum;
}
const within = (customer, p, test) => customer.moves.filter((m) => m.day >= p.start && m.day < p.end && test(m));

/** The waterfall of a window, by the ledger. */
export function retention(scope, window) {
  const sum = { starting: 0, new: 0, reactivation: 0, expansion: 0, contraction: 0, churn: 0, ending: 0, retained: 0, gross: 0, customers: 0, churned: 0, expanded: 0 };
  for (const customer of scope.customers) {
    const start = balance(customer, window.start);
    const end = balance(customer, window.end);
    sum.starting += start;
    sum.ending += end;
    if (start > 0) {
      sum.customers += 1;
      sum.retained += end;
      sum.gross += Math.min(start, end);
      if (end <= 0) sum.churned += 1;
      const moves = within(customer, window, () => true);
      if (moves.some((m) => m.movement === "expansion")) sum.expanded += 1;
      for (const move of moves) sum[move.movement === "new" ? "reactivation" : move.movement] += move.movement === "churn" || move.movement === "contraction" ? -move.amount : move.amount;
    } else if (customer.moves[0].day < window.start) sum.reactivation += end;
    else sum.new += end;
  }
  return sum;
}

const BANDS = {
  nrr: [["problem", null, 0.9], ["retention without net expansion", 0.9, 1], ["good", 1, 1.1], ["excellent", 1.1, null]],
  attach_rate: [["below target", null, 0.2], ["on target", 0.2, null]],
};
export const bandsOf = (metric) => (BANDS[metric] ?? []).map(([label, low, high]) => ({ label, low, high, source: metric === "nrr" ? "SaaS retention benchmarks 2025" : "Expansion plan 2025" }));
export const bandOf = (metric, value) => (value == null ? null : (bandsOf(metric).find((b) => (b.low == null || value >= b.low) && (b.high == null || value < b.high)) ?? null));

export function retentionRow(world, scope, period) {
  const window = { start: shiftMonths(period.end, -12), end: period.end };
  const base = { period: periodOut(period), window: periodOut({ ...window, complete: period.complete }), group: [], method: "LEDGER" };
  if (window.start < FIRST) return { ...base, ...Object.fromEntries(["startingMrr", "nrr", "grr", "band"].map((k) => [k, null])) };
  const w = retention(scope, window);
  const nrr = ratio(w.retained, w.starting);
  return {
    ...base,
    startingMrr: money(w.starting), newMrr: money(w.new), reactivationMrr: money(w.reactivation), expansionMrr: money(w.expansion),
    contractionMrr: money(w.contraction), churnMrr: money(w.churn), endingMrr: money(w.ending), cohortStartingMrr: money(w.starting),
    retainedMrr: money(w.retained), grossRetainedMrr: money(w.gross), cohortReactivationMrr: 0,
    nrr, grr: ratio(w.gross, w.starting), logoRetention: ratio(w.customers - w.churned, w.customers), expansionRate: ratio(w.expanded, w.customers),
    customers: w.customers, churnedCustomers: w.churned, expandedCustomers: w.expanded, band: bandOf("nrr", nrr),
  };
}

export function attachOf(scope, period, basis, attached) {
  const isAny = attached === null;
  const has = (order) => (isAny ? order.attached.length > 0 : order.attached.includes(attached));
  let base = 0;
  let hits = 0;
  for (const customer of scope.customers) {
    if (basis === "CUSTOMER") {
      if (balance(customer, period.end) <= 0) continue;
      base += 1;
      if (customer.orders.some((o) => o.day < period.end && has(o))) hits += 1;
    } else if (basis === "WITHIN_DAYS") {
      if (customer.acquired < period.start || customer.acquired >= period.end) continue;
      base += 1;
      if (customer.orders.some((o) => o.day <= customer.acquired + 90 && has(o))) hits += 1;
    } else
      for (const order of customer.orders) {
        if (!order.base || order.day < period.start || order.day >= period.end) continue;
        base += 1;
        if (has(order)) hits += 1;
      }
  }
  return { baseUnits: base, attachedUnits: hits, rate: ratio(hits, base) };
}
export const attachedProducts = [...ADD_ONS, [null, null]];

/** Kaplan–Meier over days from acquisition to the first expansion. */
export function survival(world, scope, cohort) {
  const rows = [];
  for (const customer of scope.customers) {
    if (cohort && (customer.acquired < cohort.start || customer.acquired >= cohort.end)) continue;
    const first = customer.moves.find((m) => m.movement === "expansion");
    const churn = customer.moves.find((m) => m.movement === "churn");
    const end = churn && (!first || churn.day < first.day) ? churn.day : world.through;
    rows.push(first && first.day <= end ? [first.day - customer.acquired, true] : [end - customer.acquired, false]);
  }
  rows.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const curve = [];
  let s = 1;
  let variance = 0;
  for (let i = 0; i < rows.length; ) {
    const at = rows[i][0];
    let events = 0;
    let j = i;
    for (; j < rows.length && rows[j][0] === at; j += 1) events += rows[j][1] ? 1 : 0;
    const atRisk = rows.length - i;
    if (events) {
      s *= 1 - events / atRisk;
      variance += events / (atRisk * (atRisk - events || 1));
      const half = s > 0 && s < 1 ? (1.959964 * Math.sqrt(variance)) / Math.abs(Math.log(s)) : null;
      curve.push({ day: at, survival: s, low95: half == null ? null : s ** Math.exp(half), high95: half == null ? null : s ** Math.exp(-half), atRisk, events });
    }
    i = j;
  }
  const quantile = (q) => curve.find((p) => p.survival <= 1 - q)?.day ?? null;
  const seen = rows.filter((r) => r[1]).map((r) => r[0]);
  return {
    group: [], subjects: rows.length, events: seen.length, censored: rows.length - seen.length,
    p25Days: quantile(0.25), medianDays: quantile(0.5), p75Days: quantile(0.75), observedMedianDays: seen[Math.floor(seen.length / 2)] ?? null, curve,
    expandedBy: ({ days }) => days.map((at) => ({ day: at, share: 1 - (curve.filter((p) => p.day <= at).at(-1)?.survival ?? 1) })),
  };
}

const moved = (classes, sign = 1) => (world, scope, p) => {
  let sum = 0;
  for (const customer of scope.customers) for (const m of within(customer, p, scope.move)) if (classes.includes(m.movement)) sum += m.amount * sign;
  return money(sum);
};
const kept = (pick) => (world, scope, p) => {
  const window = { start: shiftMonths(p.end, -12), end: p.end };
  return window.start < FIRST ? null : pick(retention(scope, window));
};

export const METRICS = {
  mrr: { label: "MRR", unit: "currency", good: "up", kind: "balance", of: (w, s, p) => money(s.customers.reduce((sum, c) => sum + balance(c, p.end), 0)) },
  arr: { label: "ARR", unit: "currency", good: "up", kind: "derived", of: (w, s, p) => money(12 * s.customers.reduce((sum, c) => sum + balance(c, p.end), 0)) },
  active_customers: { label: "Active customers", unit: "count", good: "up", kind: "balance", of: (w, s, p) => s.customers.filter((c) => balance(c, p.end) > 0).length },
  nrr: { label: "Net revenue retention", unit: "ratio", good: "up", kind: "retention", of: kept((r) => ratio(r.retained, r.starting)) },
  grr: { label: "Gross revenue retention", unit: "ratio", good: "up", kind: "retention", of: kept((r) => ratio(r.gross, r.starting)) },
  logo_retention: { label: "Logo retention", unit: "ratio", good: "up", kind: "retention", of: kept((r) => ratio(r.customers - r.churned, r.customers)) },
  expansion_rate: { label: "Expansion rate", unit: "ratio", good: "up", kind: "retention", of: kept((r) => ratio(r.expanded, r.customers)) },
  expansion_mrr: { label: "Expansion MRR", unit: "currency", good: "up", kind: "movement", of: moved(["expansion"]) },
  credited_mrr: { label: "Credited MRR", unit: "currency", good: "up", kind: "attribution", of: moved(["expansion"]) },
  new_mrr: { label: "New MRR", unit: "currency", good: "up", kind: "movement", of: moved(["new"]) },
  reactivation_mrr: { label: "Reactivation MRR", unit: "currency", good: "up", kind: "movement", of: moved(["reactivation"]) },
  contraction_mrr: { label: "Contraction MRR", unit: "currency", good: "down", kind: "movement", of: moved(["contraction"], -1) },
  churned_mrr: { label: "Churned MRR", unit: "currency", good: "down", kind: "movement", of: moved(["churn"], -1) },
  attach_rate: { label: "Attach rate", unit: "ratio", good: "up", kind: "attach", of: (w, s, p) => attachOf(s, p, "ORDER", null).rate },
  median_days_to_expansion: { label: "Median days to first expansion", unit: "days", good: "down", kind: "duration", of: (w, s, p) => survival(w, s, p).medianDays },
};
