// Resolvers of the public API over the made-up company.
import { iso, day } from "./world.mjs";
import * as m from "./measures.mjs";

const CUSTOMER = ["segment", "industry", "region", "country", "acquisition_channel", "customer_id", "customer_name", "acquired_on"];
const DIMENSIONS = { segment: "Segment", industry: "Industry", region: "Region", country: "Country", acquisition_channel: "Acquisition channel", acquired_on: "Acquired on", customer_id: "Customer ID", customer_name: "Customer", expansion_type: "Expansion type", expansion_family: "Expansion family", csm_id: "CSM ID", csm_name: "CSM", csm_team: "CSM team" };
const UNAVAILABLE = { quick_ratio: "The table mrr_targets has no files." };

function valueOf(world, name, customer, move) {
  if (name === "acquired_on") return iso(customer.acquired);
  if (name.startsWith("csm_")) return customer.owner == null ? null : world.csms[customer.owner][name];
  if (name === "expansion_type") return move?.type ?? null;
  if (name === "expansion_family") return move?.family ?? null;
  return customer[name] ?? null;
}

function passes(test, value) {
  return Object.entries(test ?? {}).every(([op, wanted]) => {
    if (wanted == null) return true;
    switch (op) {
      case "eq": return value === wanted;
      case "ne": return value !== wanted;
      case "in": return wanted.includes(value);
      case "notIn": return !wanted.includes(value);
      case "isNull": return (value == null) === wanted;
      case "lt": return value != null && value < wanted;
      case "lte": return value != null && value <= wanted;
      case "gt": return value != null && value > wanted;
      case "gte": return value != null && value >= wanted;
      case "contains": return value != null && value.includes(wanted);
      default: return value != null && value.startsWith(wanted);
    }
  });
}

function holds(world, where, customer, move, about) {
  return Object.entries(where ?? {}).every(([name, test]) => {
    if (test == null) return true;
    if (name === "and") return test.every((part) => holds(world, part, customer, move, about));
    if (name === "or") return test.some((part) => holds(world, part, customer, move, about));
    if (name === "not") return !holds(world, test, customer, move, about);
    return CUSTOMER.includes(name) === (about === "customer") || name.startsWith("csm_") ? passes(test, valueOf(world, name, customer, move)) : true;
  });
}

function scopeOf(world, where) {
  return {
    customers: world.customers.filter((c) => holds(world, where, c, null, "customer")).map((c) => c),
    move: () => true,
    where,
  };
}

/** Slices of a scope by dimensions; movements are cut where a dimension is theirs. */
function groups(world, scope, names) {
  if (!names?.length) return [{ key: [], scope: withMoves(world, scope, []) }];
  const found = new Map();
  const ofMove = names.some((name) => name.startsWith("expansion_"));
  for (const customer of scope.customers)
    for (const move of ofMove ? customer.moves.filter((x) => x.movement === "expansion") : [null]) {
      const key = names.map((name) => valueOf(world, name, customer, move));
      const id = JSON.stringify(key);
      if (!found.has(id)) found.set(id, { key, customers: new Set() });
      found.get(id).customers.add(customer);
    }
  return [...found.values()]
    .sort((a, b) => (JSON.stringify(a.key) < JSON.stringify(b.key) ? -1 : 1))
    .map(({ key, customers }) => ({ key, scope: withMoves(world, { ...scope, customers: [...customers] }, names.map((name, i) => [name, key[i]])) }));
}
function withMoves(world, scope, pairs) {
  const cut = pairs.filter(([name]) => name.startsWith("expansion_"));
  const owners = new Map(scope.customers.flatMap((c) => c.moves.map((x) => [x, c])));
  return { ...scope, move: (x) => cut.every(([name, value]) => valueOf(world, name, owners.get(x), x) === value) && holds(world, scope.where, owners.get(x), x, "move") };
}

const groupOut = (names, key) => (names ?? []).map((dimension, i) => ({ dimension, value: key[i] }));
const provenance = (world) => ({ definitionVersion: "7f3a9c1e", snapshot: "b2f04d", dataThrough: `${iso(world.through)}T00:00:00Z`, computedAt: new Date().toISOString(), cached: false, notes: ["3 movements without a customer are left out."] });

const SHIFT = { PREVIOUS_PERIOD: "previous_period", PREVIOUS_YEAR: "previous_year" };
function shifted(period, compare, grain) {
  const months = compare === "PREVIOUS_YEAR" ? 12 : ({ MONTH: 1, QUARTER: 3, YEAR: 12 }[grain] ?? 0);
  if (!months) return { start: 2 * period.start - period.end, end: period.start };
  return { start: m.shiftMonths(period.start, -months), end: m.shiftMonths(period.end, -months) };
}

function table(world, args) {
  const unknown = args.select.find((name) => !m.METRICS[name]);
  if (unknown) throw Object.assign(new Error(`Metric \`${unknown}\` is unavailable: ${UNAVAILABLE[unknown] ?? "its tables are missing."}`), { extensions: { code: "UNAVAILABLE", requestId: "mock-1" } });
  const list = m.periods(world, args.period, args.grain);
  const columns = [
    ...(args.grain ? [{ name: "period", label: "Period", kind: "PERIOD", dataType: "date", unit: null }] : []),
    ...args.groupBy.map((name) => ({ name, label: DIMENSIONS[name], kind: "DIMENSION", dataType: name === "acquired_on" ? "date" : "string", unit: null })),
    ...args.select.map((name) => ({ name, label: m.METRICS[name].label, kind: "METRIC", dataType: m.METRICS[name].unit === "count" ? "int" : "float", unit: m.METRICS[name].unit })),
  ];
  for (const name of args.select) for (const compare of args.compareTo) for (const [suffix, label] of [["", ""], ["_change", " change"], ["_change_ratio", " change ratio"]]) columns.push({ name: `${name}__${SHIFT[compare]}${suffix}`, label: `${m.METRICS[name].label}, ${SHIFT[compare].replace("_", " ")}${label}`, kind: "COMPARISON", dataType: "float", unit: suffix === "_change_ratio" ? "ratio" : m.METRICS[name].unit });
  let rows = [];
  const slices = groups(world, scopeOf(world, args.where), args.groupBy);
  for (const period of list)
    for (const slice of slices) {
      const row = args.grain ? { period: iso(period.start) } : {};
      args.groupBy.forEach((name, i) => (row[name] = slice.key[i]));
      for (const name of args.select) row[name] = m.METRICS[name].of(world, slice.scope, period);
      for (const name of args.select)
        for (const compare of args.compareTo) {
          const before = shifted(period, compare, args.grain);
          const was = before.start < m.periods(world, {}, null)[0].start ? null : m.METRICS[name].of(world, slice.scope, before);
          const change = was == null || row[name] == null ? null : row[name] - was;
          Object.assign(row, { [`${name}__${SHIFT[compare]}`]: was, [`${name}__${SHIFT[compare]}_change`]: change, [`${name}__${SHIFT[compare]}_change_ratio`]: change == null || !was ? null : change / Math.abs(was) });
        }
      rows.push(row);
    }
  for (const [key, test] of Object.entries(args.having ?? {})) rows = rows.filter((row) => passes(test, row[key]));
  for (const order of [...args.orderBy].reverse()) rows.sort((a, b) => ((a[order.by] ?? -Infinity) > (b[order.by] ?? -Infinity) ? 1 : -1) * (order.descending ? -1 : 1));
  const page = rows.slice(args.offset, args.offset + args.limit);
  return { columns, rows: page, records: [], totals: null, rowCount: page.length, truncated: rows.length > args.offset + args.limit, provenance: provenance(world) };
}

function expansionRows(world, args) {
  const scope = withMoves(world, scopeOf(world, args.where), []);
  const types = ["add_on", "cross_sell", "price", "seat", "tier_upgrade", "usage", null];
  return m.periods(world, args.period, args.grain).flatMap((period) => {
    const hits = scope.customers.flatMap((c) => c.moves.filter((x) => x.movement === "expansion" && x.day >= period.start && x.day < period.end).map((x) => [c, x]));
    const total = hits.reduce((sum, [, x]) => sum + x.amount, 0);
    return types.map((type) => {
      const mine = hits.filter(([, x]) => x.type === type);
      const amount = mine.reduce((sum, [, x]) => sum + x.amount, 0);
      const opening = mine.filter(([c]) => m.balance(c, period.start) > 0).reduce((sum, [, x]) => sum + x.amount, 0);
      return { period: m.periodOut(period), group: [], expansionType: type, family: mine[0]?.[1].family ?? null, amount: amount / 100, fromOpeningCohort: opening / 100, fromOutsideCohort: (amount - opening) / 100, events: mine.length, customers: new Set(mine.map(([c]) => c)).size, share: total ? amount / total : null };
    });
  });
}

function attachRows(world, args) {
  return m.periods(world, args.period, args.grain).flatMap((period) =>
    groups(world, scopeOf(world, args.where), args.groupBy).flatMap((slice) =>
      m.attachedProducts.map(([attached, attachedName]) => {
        const found = m.attachOf(slice.scope, period, args.basis, attached);
        return { period: m.periodOut(period), group: groupOut(args.groupBy, slice.key), attached, attachedName, ...found, mature: args.basis !== "WITHIN_DAYS" || period.end + args.withinDays <= world.through, band: attached === null ? m.bandOf("attach_rate", found.rate) : null };
      }),
    ),
  );
}

function creditRows(world, args) {
  const shift = { OWNER_AT_EVENT: 0, CURRENT_OWNER: 1, OWNER_AT_PERIOD_START: 2, OFFER_OWNER: 5 }[args.rule];
  return m.periods(world, args.period, args.grain).flatMap((period) => {
    const scope = scopeOf(world, args.where);
    const ownerOf = (c) => (c.owner == null ? null : Number(c.customer_id.slice(1)) % 17 < shift ? (c.owner + 1) % world.csms.length : c.owner);
    const total = scope.customers.flatMap((c) => c.moves).filter((x) => x.movement === "expansion" && x.day >= period.start && x.day < period.end).reduce((sum, x) => sum + x.amount, 0);
    return [...world.csms.keys(), null].map((index) => {
      const book = scope.customers.filter((c) => ownerOf(c) === index);
      const hits = book.flatMap((c) => c.moves.filter((x) => x.movement === "expansion" && x.day >= period.start && x.day < period.end).map((x) => [c, x]));
      const credit = hits.reduce((sum, [, x]) => sum + x.amount, 0);
      const w = m.retention({ customers: book }, { start: m.shiftMonths(period.end, -12), end: period.end });
      return { period: m.periodOut(period), group: [], csmId: index == null ? null : world.csms[index].csm_id, csmName: index == null ? null : world.csms[index].csm_name, creditedMrr: credit / 100, events: hits.length, customers: new Set(hits.map(([c]) => c)).size, share: total ? credit / total : null, accounts: book.filter((c) => m.balance(c, period.start) > 0).length, cohortMrr: book.reduce((sum, c) => sum + m.balance(c, period.start), 0) / 100, nrr: w.starting ? w.retained / w.starting : null };
    });
  });
}

function cohortRows(world, args) {
  const scope = scopeOf(world, args.where);
  return m.periods(world, args.period, args.grain).flatMap((cohort) => {
    const members = scope.customers.filter((c) => c.acquired >= cohort.start && c.acquired < cohort.end);
    const rows = [];
    const base = members.reduce((sum, c) => sum + m.balance(c, cohort.end), 0);
    for (let age = 0; ; age += 1) {
      const at = m.shiftMonths(cohort.end, age * { MONTH: 1, QUARTER: 3, YEAR: 12 }[args.grain]);
      if (at > world.through) break;
      const mrr = members.reduce((sum, c) => sum + m.balance(c, at), 0);
      const active = members.filter((c) => m.balance(c, at) > 0).length;
      rows.push({ cohort: m.periodOut(cohort), age, group: [], customers: active, mrr: mrr / 100, mrrRetention: base ? mrr / base : null, logoRetention: members.length ? active / members.length : null, startingCustomers: members.length, startingMrr: base / 100 });
    }
    return rows;
  });
}

const metricOut = ([name, metric]) => ({
  name, label: metric.label, description: `${metric.label}, as the definition book says.`, kind: metric.kind, unit: metric.unit, additive: "does not add up", goodDirection: metric.good, owner: "revops", status: "stable", deprecated: null,
  formula: name === "nrr" ? "Σ cohort B(c, e) / Σ cohort B(c, s)" : `${name} over the period`, definition: `- name: ${name}\n  kind: ${metric.kind}\n  unit: ${metric.unit}\n`, file: "schema/metrics/canon.yml", line: 12,
  dimensions: metric.kind === "movement" || metric.kind === "attribution" ? Object.keys(DIMENSIONS) : CUSTOMER, lineage: ["mrr_movements.amount", "mrr_movements.occurred_at", "customers.customer_id"], sql: "SELECT sum(amount) FROM mrr_movements WHERE occurred_at < '2026-01-01'",
  bands: m.bandsOf(name), available: true, unavailableBecause: null,
});
function catalog(world) {
  const metrics = [...Object.entries(m.METRICS).map(metricOut), { ...metricOut(["quick_ratio", { label: "Quick ratio", unit: "ratio", good: "up", kind: "ratio" }]), available: false, unavailableBecause: UNAVAILABLE.quick_ratio }];
  const dimensions = Object.entries(DIMENSIONS).map(([name, label]) => ({ name, label, description: `${label} of the customer or movement.`, dataType: name === "acquired_on" ? "date" : "string", history: name.startsWith("csm_"), metrics: metrics.filter((x) => x.dimensions.includes(name)).map((x) => x.name) }));
  return {
    name: "Demo company", currency: "USD", definitionVersion: "7f3a9c1e", problems: [], metrics: ({ search }) => metrics.filter((x) => !search || x.name.includes(search)), metric: ({ name }) => metrics.find((x) => x.name === name) ?? null,
    dimensions: () => dimensions,
    dimensionValues: ({ dimension, search, limit }) => [...new Set(world.customers.map((c) => valueOf(world, dimension, c, c.moves.find((x) => x.type))))].filter((v) => v != null && (!search || v.toLowerCase().includes(search.toLowerCase()))).sort().slice(0, limit),
    tables: [["customers", true], ["mrr_movements", true], ["order_lines", true], ["csm_assignments", true], ["mrr_targets", false]].map(([name, available]) => ({ name, location: name, available, problem: available ? null : "The folder has no files.", files: available ? 36 : 0, bytes: 1e6, rows: available ? 120000 : null, dataThrough: available ? `${iso(world.through)}T00:00:00Z` : null })),
    tiles: [{ metric: "new_mrr", label: "New MRR by channel", groupBy: ["acquisition_channel"] }],
  };
}

export function resolvers(world) {
  const source = () => provenance(world);
  return {
    nrr: (args) => ({ rows: m.periods(world, args.period, args.grain).map((p) => m.retentionRow(world, scopeOf(world, args.where), p)), provenance: source }),
    expansionByType: (args) => ({ rows: expansionRows(world, args), provenance: source }),
    attachRate: (args) => ({ rows: attachRows(world, args), provenance: source }),
    timeToExpansion: (args) => ({ rows: [m.survival(world, scopeOf(world, args.where), args.cohort && { start: day(args.cohort.start), end: day(args.cohort.end) })], provenance: source }),
    csmExpansionAttribution: (args) => ({ rows: creditRows(world, args), warnings: ["2 customers had overlapping owners whose shares do not sum to 1; they were normalised."], provenance: source }),
    cohorts: (args) => ({ rows: cohortRows(world, args), provenance: source }),
    metrics: (args) => table(world, args),
    catalog: () => catalog(world),
  };
}
