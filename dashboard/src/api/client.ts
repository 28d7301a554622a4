// Asks the public API. Every failure becomes a `Failure` with words for people, a code and, where
// the server gave one, the id of the request.
import type { Document } from "./documents.ts";

export type Failure = { message: string; code: string; requestId: string | null };
/** Data, and the failures of single root fields by their key. */
export type Outcome<Data> = { data: Data | null; failures: Map<string, Failure>; failure: Failure | null };

type GraphQLError = { message: string; path?: Array<string | number>; extensions?: { code?: string; requestId?: string } };

const TOKEN = "upswell-token";
export const readToken = (): string | null => sessionStorage.getItem(TOKEN);
export const storeToken = (token: string): void => sessionStorage.setItem(TOKEN, token);

export async function ask<Data, Variables>(document: Document<Data, Variables>, variables: Variables, signal?: AbortSignal): Promise<Outcome<Data>> {
  let response: Response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json", ...bearer() },
      body: JSON.stringify({ query: document.text, variables }),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    return failed({ message: "The server cannot be reached. Check the connection and try again.", code: "NETWORK", requestId: null });
  }
  return read<Data>(response);
}

function bearer(): Record<string, string> {
  const token = readToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}

async function read<Data>(response: Response): Promise<Outcome<Data>> {
  const requestId = response.headers.get("x-request-id");
  let body: { data?: Data | null; errors?: GraphQLError[] } | null = null;
  try {
    body = await response.json();
  } catch {
    // Not JSON: a proxy's error page, say. The status is all there is to tell.
  }
  if (!body || (body.data === undefined && !body.errors)) {
    const code = response.status === 401 ? "UNAUTHENTICATED" : "INTERNAL";
    return failed({ message: `The server answered with status ${response.status}.`, code, requestId });
  }
  const failures = new Map<string, Failure>();
  let whole: Failure | null = null;
  for (const error of body.errors ?? []) {
    const failure = { message: error.message, code: error.extensions?.code ?? "INTERNAL", requestId: error.extensions?.requestId ?? requestId };
    const key = error.path?.[0];
    if (key === undefined) whole ??= failure;
    else if (!failures.has(String(key))) failures.set(String(key), failure);
  }
  return { data: body.data ?? null, failures, failure: whole };
}

function failed<Data>(failure: Failure): Outcome<Data> {
  return { data: null, failures: new Map(), failure };
}
