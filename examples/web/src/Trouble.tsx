// What went wrong, and the way on: a new token, or asking again when it is time.

import { useEffect, useState } from "react";
import type { Fault } from "./fault";
import { TokenForm } from "./TokenForm";

interface Given {
  fault: Fault;
  onRetry: () => void;
  onToken: (token: string) => void;
}

export function Trouble({ fault, onRetry, onToken }: Given) {
  const left = useSecondsUntil(fault.notBefore);
  return (
    <section className="trouble" data-kind={fault.kind}>
      <div role="alert">
        <h2>{fault.title}</h2>
        <p>{fault.message}</p>
      </div>
      {fault.kind === "token" ? (
        <TokenForm onToken={onToken} />
      ) : (
        <button onClick={onRetry} disabled={left > 0}>{left > 0 ? `Try again in ${left} s` : "Try again"}</button>
      )}
    </section>
  );
}

function useSecondsUntil(moment: number) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    const clock = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(clock);
  }, [moment]);
  return Math.max(0, Math.ceil((moment - now) / 1000));
}
