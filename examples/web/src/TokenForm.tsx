// Where a token is pasted.

import { type FormEvent, useId } from "react";

export function TokenForm({ onToken }: { onToken: (token: string) => void }) {
  const field = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get("token")).trim();
    if (token) onToken(token);
  };

  return (
    <form className="token" onSubmit={submit}>
      <label htmlFor={field}>Token</label>
      <div className="row">
        <input id={field} name="token" type="password" autoComplete="off" spellCheck={false} required autoFocus placeholder="eyJ…" />
        <button className="primary">Continue</button>
      </div>
      <p className="hint">
        The operator makes one: <code>dsline token issue --for you --valid 15m</code>
      </p>
    </form>
  );
}
