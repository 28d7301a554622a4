// A small made-up company: customers, movements of recurring revenue, orders and owners, the same on
// every run. Days are counted from 1970 in UTC; amounts are in cents.

/** A small deterministic generator (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const day = (iso) => Math.floor(Date.parse(iso) / 86_400_000);
export const iso = (value) => new Date(value * 86_400_000).toISOString().slice(0, 10);

const SEGMENTS = [
  { name: "SMB", weight: 0.62, mrr: 420, churn: 0.016, expand: 0.03 },
  { name: "Mid-Market", weight: 0.28, mrr: 2100, churn: 0.008, expand: 0.045 },
  { name: "Enterprise", weight: 0.1, mrr: 9800, churn: 0.003, expand: 0.06 },
];
const INDUSTRIES = ["Software", "Retail", "Health", "Finance", "Manufacturing"];
const REGIONS = [["EMEA", ["DE", "FR", "GB", "NL"]], ["AMER", ["US", "CA", "BR"]], ["APAC", ["JP", "AU", "SG"]]];
const CHANNELS = ["inbound", "outbound", "partner", "referral"];
const TYPES = [["seat", "upsell", 0.34], ["tier_upgrade", "upsell", 0.2], ["add_on", "cross_sell", 0.16], ["cross_sell", "cross_sell", 0.12], ["usage", "usage", 0.1], ["price", "price", 0.05], [null, null, 0.03]];
export const ADD_ONS = [["p-analytics", "Analytics"], ["p-support", "Premium Support"], ["p-security", "Security Pack"], ["p-api", "API Access"]];
const NAMES_A = ["Amber", "Birch", "Cobalt", "Delta", "Elm", "Falcon", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel", "Linden", "Maple", "Nova", "Orchid", "Pine", "Quartz", "River", "Summit", "Tulip"];
const NAMES_B = ["Systems", "Foods", "Logistics", "Health", "Partners", "Works", "Labs", "Motors", "Energy", "Media"];
const PEOPLE = ["Ada Okafor", "Ben Schulz", "Carla Rossi", "Dev Patel", "Elif Kaya", "Finn Larsen", "Grace Kim", "Hugo Martin", "Ines Costa", "Jonas Weber", "Kira Novak", "Liam Byrne"];
export const HOSTILE = '<img src=x onerror="window.hacked=1">=HYPERLINK("http://evil.example")';

export const FIRST = day("2023-01-01");

function pick(random, rows, weight) {
  let left = random();
  for (const row of rows) {
    left -= weight(row);
    if (left <= 0) return row;
  }
  return rows[rows.length - 1];
}

function customer(random, index) {
  const segment = pick(random, SEGMENTS, (row) => row.weight);
  const [region, countries] = REGIONS[Math.floor(random() ** 1.5 * REGIONS.length)];
  const name = index === 7 ? HOSTILE : `${NAMES_A[index % 20]} ${NAMES_B[Math.floor(index / 20) % 10]} ${1 + Math.floor(index / 200)}`;
  return {
    customer_id: `C${String(index).padStart(5, "0")}`,
    customer_name: name,
    segment: segment.name,
    industry: INDUSTRIES[Math.floor(random() * INDUSTRIES.length)],
    region,
    country: countries[Math.floor(random() * countries.length)],
    acquisition_channel: CHANNELS[Math.floor(random() * CHANNELS.length)],
    owner: random() < 0.06 ? null : Math.floor(random() ** 1.4 * PEOPLE.length),
    traits: segment,
  };
}

/** Everything that happens to one customer until `through`. */
function live(random, row, start, through) {
  const { traits } = row;
  let balance = Math.round(traits.mrr * (0.5 + random()) * 100);
  const moves = [{ day: start, movement: "new", type: null, family: null, amount: balance }];
  const orders = [{ day: start, base: true, attached: ADD_ONS.filter(() => random() < 0.16).map(([id]) => id) }];
  let gone = 0;
  for (let at = start + 20 + Math.floor(random() * 20); at < through; at += 20 + Math.floor(random() * 20)) {
    if (balance === 0) {
      gone += 1;
      if (gone > 3 && random() < 0.02) moves.push({ day: at, movement: "reactivation", type: null, family: null, amount: (balance = Math.round(traits.mrr * 60)) });
      continue;
    }
    const roll = random();
    if (roll < traits.churn) {
      moves.push({ day: at, movement: "churn", type: null, family: null, amount: -balance });
      balance = 0;
      gone = 0;
    } else if (roll < traits.churn + 0.009) {
      const amount = -Math.round(balance * (0.1 + random() * 0.2));
      moves.push({ day: at, movement: "contraction", type: null, family: null, amount });
      balance += amount;
    } else if (roll < traits.churn + 0.009 + traits.expand) {
      const [type, family] = pick(random, TYPES, (entry) => entry[2]);
      const amount = Math.round(balance * (0.1 + random() * 0.5));
      moves.push({ day: at, movement: "expansion", type, family, amount });
      balance += amount;
    }
    if (random() < 0.18) orders.push({ day: at, base: random() < 0.8, attached: ADD_ONS.filter((_, i) => random() < 0.2 - i * 0.04).map(([id]) => id) });
  }
  return { ...row, acquired: start, moves, orders };
}

/** The company as known at `through` (the first day after the data). */
export function company(through) {
  const random = generator(20230101);
  const customers = [];
  for (let index = 0; index < 2400; index += 1) {
    const row = customer(random, index);
    const start = index < 700 ? FIRST + Math.floor(random() * 20) : FIRST + Math.floor(random() * 1090);
    const lived = live(random, row, start, day("2026-01-01"));
    if (start < through) customers.push({ ...lived, moves: lived.moves.filter((m) => m.day < through), orders: lived.orders.filter((o) => o.day < through) });
  }
  const csms = PEOPLE.map((name, i) => ({ csm_id: `M${i + 1}`, csm_name: name, csm_team: ["North", "South", "Strategic"][i % 3] }));
  return { customers, csms, through };
}
