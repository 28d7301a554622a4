// Asks one document whenever its variables change. The old answer stays while the new one loads.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, type Failure } from "./client.ts";
import type { Document } from "./documents.ts";

export type Asked<Data> = { data: Data | null; failure: Failure | null; loading: boolean; retry: () => void };

/** `variables: null` asks nothing. */
export function useAsk<Data, Variables>(document: Document<Data, Variables>, variables: Variables | null): Asked<Data> {
  const [state, setState] = useState<{ data: Data | null; failure: Failure | null; loading: boolean }>({ data: null, failure: null, loading: variables !== null });
  const [attempt, setAttempt] = useState(0);
  const key = variables === null ? null : JSON.stringify(variables);
  const latest = useRef(variables);
  latest.current = variables;

  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    ask(document, latest.current as Variables, abort.signal).then(
      ({ data, failures, failure }) => {
        const first = failure ?? [...failures.values()][0] ?? null;
        setState((old) => ({ data: first ? (data ?? old.data) : data, failure: first, loading: false }));
      },
      () => undefined, // Aborted: a newer question has taken over.
    );
    return () => abort.abort();
  }, [document, key, attempt]);

  return { ...state, retry: useCallback(() => setAttempt((n) => n + 1), []) };
}
