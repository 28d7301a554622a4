// Holds the board's answers part by part. The first view is one request; afterwards only the parts
// whose question changed are asked again, while their old answers stay in view, dimmed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, type Failure } from "../api/client.ts";
import { BOARD } from "../api/documents.ts";
import type { BoardData } from "../api/types.gen.ts";
import { keyOf, PARTS, type BoardQuestion, type Part } from "./state.ts";

/** The root fields of each part. */
const FIELDS: Record<Part, Array<keyof BoardData>> = {
  kpis: ["kpiNrr", "kpiGrr", "kpiExpansion", "kpiExpansionRate", "kpiAttach", "kpiMedian", "kpiMedianAll"],
  retention: ["retention"],
  expansion: ["expansion"],
  base: ["base"],
  cohort: ["cohorts"],
  attach: ["attachAll", "attachBy"],
  duration: ["duration"],
  credit: ["credit"],
  catalogue: ["catalog"],
};

export type Board = {
  data: BoardData;
  failures: Partial<Record<keyof BoardData, Failure>>;
  loading: Record<Part, boolean>;
  retry: (part: Part) => void;
};

type Answers = { data: BoardData; failures: Board["failures"]; answered: Partial<Record<Part, string>> };

export function useBoard(question: BoardQuestion): Board {
  const [answers, setAnswers] = useState<Answers>({ data: {}, failures: {}, answered: {} });
  const asked = useRef<Partial<Record<Part, string>>>({});
  const [attempt, setAttempt] = useState(0);
  const wanted = Object.fromEntries(PARTS.map((part) => [part, keyOf(part, question)])) as Record<Part, string>;
  const key = JSON.stringify(wanted);

  useEffect(() => {
    const parts = PARTS.filter((part) => asked.current[part] !== wanted[part]);
    if (!parts.length) return;
    for (const part of parts) asked.current[part] = wanted[part];
    const only = Object.fromEntries(PARTS.map((part) => [part, parts.includes(part)])) as Record<Part, boolean>;
    void ask(BOARD, { ...question, ...only }).then(({ data, failures, failure }) => {
      setAnswers((old) => {
        // A newer question may have overtaken this one: then its answer is for nobody.
        const current = parts.filter((part) => asked.current[part] === wanted[part]);
        const next: Answers = { data: { ...old.data }, failures: { ...old.failures }, answered: { ...old.answered } };
        for (const part of current) {
          next.answered[part] = wanted[part];
          for (const field of FIELDS[part]) {
            const failed = failure ?? failures.get(field);
            if (failed) next.failures[field] = failed;
            else {
              delete next.failures[field];
              Object.assign(next.data, { [field]: data?.[field] ?? null });
            }
          }
        }
        return next;
      });
    });
  }, [key, attempt]);

  const retry = useCallback((part: Part) => {
    delete asked.current[part];
    setAnswers((old) => ({ ...old, answered: { ...old.answered, [part]: undefined } }));
    setAttempt((n) => n + 1);
  }, []);

  const loading = Object.fromEntries(PARTS.map((part) => [part, answers.answered[part] !== wanted[part]])) as Record<Part, boolean>;
  return { data: answers.data, failures: answers.failures, loading, retry };
}
