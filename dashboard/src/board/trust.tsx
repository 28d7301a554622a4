// How far the data reaches and whether the definitions are healthy, by shape and words.
import { Panel } from "../components/panel.tsx";
import { formatInstant } from "../format.ts";
import { link, navigate } from "../router.ts";
import type { Board } from "./use-board.ts";

const STALE_DAYS = 3;

export function Trust({ board, open }: { board: Board; open: boolean }) {
  const source = board.data.retention?.provenance ?? board.data.base?.provenance;
  const problems = board.data.catalog?.problems ?? [];
  const off = board.data.catalog?.metrics.filter((metric) => !metric.available) ?? [];
  const behind = source?.dataThrough ? (Date.parse(source.computedAt) - Date.parse(source.dataThrough)) / 86_400_000 : null;
  const late = behind !== null && behind > STALE_DAYS;
  const errors = problems.some((problem) => problem.severity.toLowerCase() === "error");
  const health = errors ? "bad" : problems.length ? "watch" : "good";
  const kind = errors ? "problem" : "warning";
  return (
    <div class="trust">
      <span class={`badge ${late ? "watch" : "good"}`}>
        <span aria-hidden="true">{source ? (late ? "◆" : "●") : "○"}</span> {source ? (source.dataThrough ? `${late ? "Data ends" : "Data through"} ${formatInstant(source.dataThrough)}` : "Data without a date") : "Asking the server…"}
      </span>
      <button type="button" class={`badge ${health}`} onClick={() => navigate(link({ trust: "open" }))}>
        <span aria-hidden="true">{board.data.catalog ? { bad: "▼", watch: "◆", good: "●" }[health] : "○"}</span> {!board.data.catalog ? "Definitions" : problems.length ? `${problems.length} ${kind}${problems.length === 1 ? "" : "s"} in the definitions` : "Definitions healthy"}
      </button>
      {open && (
        <Panel title="Can these numbers be trusted?" onClose={() => navigate(link({ trust: null }))}>
          {source && <p>Read from snapshot <code>{source.snapshot.slice(0, 16)}</code>, data through {formatInstant(source.dataThrough)}, computed {formatInstant(source.computedAt)}.{late && " The data ends more than {STALE_DAYS} days before the answer: the warehouse may not have been loaded since."}</p>}
          <p>Definitions version <code>{board.data.catalog?.definitionVersion.slice(0, 16)}</code>.{errors && " The last change did not pass its checks; numbers come from the last good definitions."}</p>
          {problems.length > 0 && <ul class="problems">{problems.map((problem, index) => <li key={index}><strong>{problem.severity} {problem.code}</strong>: {problem.message}{problem.file && <> <code>{problem.file}{problem.line ? `:${problem.line}` : ""}</code></>}</li>)}</ul>}
          {off.length > 0 && <><h3>Unavailable metrics</h3><ul>{off.map((metric) => <li key={metric.name}>{metric.label}: {metric.unavailableBecause}</li>)}</ul></>}
          <p><a class="button" href="/catalog">All definitions</a></p>
        </Panel>
      )}
    </div>
  );
}
