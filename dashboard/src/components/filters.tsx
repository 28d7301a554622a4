// Filter chips: the values of one dimension to switch on and off, and further dimensions by menu.
import { useState } from "preact/hooks";
import { DIMENSION_VALUES } from "../api/documents.ts";
import type { Json } from "../api/types.gen.ts";
import { useAsk } from "../api/use.ts";
import { NULL } from "../board/state.ts";
import { words } from "../format.ts";
import { link, navigate } from "../router.ts";

export type DimensionLabel = { name: string; label: string };

/** Beyond so many values a menu serves better. */
export const MOST_CHIPS = 6;

export function Chips({ dimension, label, values, chosen }: { dimension: string; label: string; values: Json[]; chosen: string[] }) {
  const key = `f.${dimension}`;
  const set = (next: string[]) => navigate(link({ [key]: next.length ? next : null }));
  // What is chosen is always there to be taken off, a missing value too.
  const shown = [...new Set([...values.map(String).slice(0, MOST_CHIPS), ...chosen])];
  return (
    <div class="chips" role="group" aria-label={label}>
      <button type="button" class="chip" aria-pressed={chosen.length === 0} onClick={() => set([])}>All</button>
      {shown.map((value) => {
        const on = chosen.includes(value);
        return <button type="button" class="chip" key={value} aria-pressed={on} onClick={() => set(on ? chosen.filter((one) => one !== value) : [...chosen, value])}>{value === NULL ? "not set" : value}</button>;
      })}
    </div>
  );
}

/** The filters beyond the chips, each with a way to take it off, and a form to add one. */
export function MoreFilters({ filters, dimensions, without }: { filters: Map<string, string[]>; dimensions: DimensionLabel[]; without?: string }) {
  const [adding, setAdding] = useState(false);
  const others = [...filters].filter(([name]) => name !== without);
  return (
    <>
      {others.flatMap(([name, values]) =>
        values.map((value) => (
          <button type="button" class="chip removable" key={`${name}=${value}`} aria-label={`Remove filter ${words(name)} ${value}`} onClick={() => navigate(link({ [`f.${name}`]: values.filter((one) => one !== value) }))}>
            {dimensions.find((one) => one.name === name)?.label ?? words(name)}: {value === NULL ? "not set" : value} <span aria-hidden="true">×</span>
          </button>
        )),
      )}
      {adding ? <AddFilter dimensions={dimensions.filter((one) => one.name !== without)} filters={filters} done={() => setAdding(false)} />
        : <button type="button" class="chip add" onClick={() => setAdding(true)}>+ Filter</button>}
    </>
  );
}

function AddFilter({ dimensions, filters, done }: { dimensions: DimensionLabel[]; filters: Map<string, string[]>; done: () => void }) {
  const [dimension, setDimension] = useState("");
  const { data, failure, loading } = useAsk(DIMENSION_VALUES, dimension ? { dimension } : null);
  const values = (data?.catalog?.dimensionValues ?? []).map(String);
  return (
    <span class="add-filter">
      <select aria-label="Filter by" value={dimension} ref={(element) => { if (element && !dimension) element.focus(); }} onChange={(event) => setDimension(event.currentTarget.value)}>
        <option value="">Filter by…</option>
        {dimensions.map((one) => <option key={one.name} value={one.name}>{one.label}</option>)}
      </select>
      {dimension && (
        <select aria-label="Value" value="" disabled={loading} onChange={(event) => { navigate(link({ [`f.${dimension}`]: [...(filters.get(dimension) ?? []), event.currentTarget.value] })); done(); }}>
          <option value="">{failure ? "No values: try again" : loading ? "Loading…" : "Choose a value…"}</option>
          {values.map((value) => <option key={value} value={value}>{value}</option>)}
          {!loading && !failure && <option value={NULL}>not set</option>}
        </select>
      )}
      <button type="button" class="chip" onClick={done}>Cancel</button>
    </span>
  );
}
