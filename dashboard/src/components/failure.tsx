// What a tile says when it cannot show its numbers: what failed, the request's id, and a way on.
import { useState } from "preact/hooks";
import { storeToken, type Failure } from "../api/client.ts";
import { sentence } from "../format.ts";

export function FailureNote({ failure, retry }: { failure: Failure; retry: () => void }) {
  if (failure.code === "UNAUTHENTICATED") return <TokenForm />;
  return (
    <div class="failure" role="alert">
      <p><strong>These numbers could not be loaded.</strong> {sentence(failure.message)}</p>
      <p class="small">Code {failure.code}{failure.requestId ? `, request ${failure.requestId}` : ""}</p>
      <button type="button" class="button" onClick={retry}>Try again</button>
    </div>
  );
}

function TokenForm() {
  const [token, setToken] = useState("");
  return (
    <form class="failure" onSubmit={(event) => { event.preventDefault(); storeToken(token.trim()); location.reload(); }}>
      <label>This server asks for an access token
        <input type="password" autocomplete="off" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button">Continue</button>
    </form>
  );
}
