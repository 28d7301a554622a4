// The frame of one picture: title, definition, table in its place, CSV and PNG, loading, failure and
// emptiness. It keeps its size whatever happens inside.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Failure } from "../api/client.ts";
import { savePng } from "../charts/image.ts";
import { formatInstant } from "../format.ts";
import { link, navigate } from "../router.ts";
import { save, toCsv, type TableData } from "../table.ts";
import { DataTable } from "./data-table.tsx";
import { FailureNote } from "./failure.tsx";
import { IconButton } from "./icons.tsx";
import { prose } from "./prose.tsx";

export type Source = { dataThrough: string | null; definitionVersion: string; notes: string[] };

type Props = {
  id: string;
  title: string;
  subtitle?: string;
  /** The metric that the "i" explains. */
  metric?: string;
  table: TableData | null;
  source?: Source | null | undefined;
  loading: boolean;
  failure?: Failure | undefined | null;
  retry: () => void;
  /** Why there is nothing to show, if there is nothing. */
  empty?: string | null;
  size?: "half" | "full";
  /** The content is itself a table: nothing to switch to and no picture to save. */
  tabular?: boolean;
  actions?: ComponentChildren;
  foot?: ComponentChildren;
  height: number;
  children: ComponentChildren;
};

export function Tile(props: Props) {
  const { id, title, subtitle, metric, table, source, loading, failure, retry, empty, tabular, actions, foot, height } = props;
  const body = useRef<HTMLDivElement>(null);
  const shown = new URLSearchParams(location.search).get("tables")?.split(",") ?? [];
  const asTable = shown.includes(id) && !tabular && table !== null;
  const toggled = asTable ? shown.filter((name) => name !== id) : [...shown, id];
  const picture = () => {
    void savePng(body.current, title, sourceLine(source), `upswell-${id}.png`);
  };
  const ready = table !== null && !empty && !failure;
  return (
    <section class={`tile ${props.size ?? "half"}`} aria-labelledby={`${id}-title`} aria-busy={loading} data-tile={id}>
      <header>
        <div>
          <h2 id={`${id}-title`}>{title}</h2>
          {subtitle && <p class="subtitle">{subtitle}</p>}
        </div>
        <div class="tools">
          {metric && <IconButton icon="info" name={`How ${title} is defined`} onClick={() => navigate(link({ info: metric }))} />}
          {ready && !tabular && <IconButton icon={asTable ? "chart" : "table"} name={asTable ? `${title} as a chart` : `${title} as a table`} pressed={asTable} onClick={() => navigate(link({ tables: toggled.length ? toggled.join(",") : null }), true)} />}
          {ready && <IconButton icon="save" name={`Save ${title} as CSV`} onClick={() => save(`upswell-${id}.csv`, new Blob([toCsv(table)], { type: "text/csv" }))} />}
          {ready && !tabular && !asTable && <IconButton icon="image" name={`Save ${title} as PNG`} onClick={picture} />}
        </div>
      </header>
      {actions && <div class="actions">{actions}</div>}
      <div class={`body ${loading && table ? "stale" : ""}`} ref={body} style={{ minHeight: `${height}px` }}>
        {failure ? <FailureNote failure={failure} retry={retry} />
          : table === null ? <Skeleton height={height} />
          : empty ? <p class="empty">{empty}</p>
          : asTable ? <DataTable table={table} caption={`${title}, as a table`} />
          : props.children}
      </div>
      {ready && foot && <div class="foot">{foot}</div>}
      {ready && source && source.notes.length > 0 && (
        <details class="notes"><summary>{source.notes.length === 1 ? "1 note" : `${source.notes.length} notes`} on the data</summary><ul>{source.notes.map((note) => <li key={note}>{prose(note)}</li>)}</ul></details>
      )}
    </section>
  );
}

const sourceLine = (source: Source | null | undefined) => (source ? `Data through ${formatInstant(source.dataThrough)}, definitions ${source.definitionVersion.slice(0, 8)}` : "");

export function Skeleton({ height }: { height: number }) {
  return <div class="skeleton" style={{ height: `${height}px` }} aria-label="Loading" role="img" />;
}

/** A choice of a few, held in the address. */
export function Choice<T extends string>({ label, param, value, options, otherwise }: { label: string; param: string; value: T; options: Record<string, string>; otherwise: T }) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => navigate(link({ [param]: event.currentTarget.value === otherwise ? null : event.currentTarget.value.toLowerCase() }))}>
        {Object.entries(options).map(([key, text]) => <option key={key} value={key}>{text}</option>)}
      </select>
    </label>
  );
}
