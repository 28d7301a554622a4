// Rows as a real table, scrolling inside its own frame when it is wider than the page.
import { show, type TableData } from "../table.ts";

export function DataTable({ table, caption }: { table: TableData; caption: string }) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {table.columns.map((column) => (
              <th key={column.key} scope="col" class={column.text ? "" : "number"}>{column.label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => {
                const column = table.columns[at];
                if (!column) return null;
                const text = show(cell, column);
                const href = at === 0 ? table.links?.[index] : null;
                const content = href ? <a href={href}>{text}</a> : text;
                return at === 0 ? <th key={column.key} scope="row">{content}</th> : <td key={column.key} class={column.text ? "" : "number"}>{content}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
