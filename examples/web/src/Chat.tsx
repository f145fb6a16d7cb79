// The conversation, the field below it, and the states between.

import { useEffect, useRef } from "react";
import useSWR from "swr";
import { Mark } from "./App";
import { Composer } from "./Composer";
import { Fault } from "./fault";
import { models } from "./line";
import { Trouble } from "./Trouble";
import { type Turn, useChat } from "./useChat";

interface Given {
  token: string;
  onToken: (token: string) => void;
  onLeave: () => void;
}

export function Chat({ token, onToken, onLeave }: Given) {
  const known = useSWR<string[], Fault>(["models", token], () => models(token), {
    shouldRetryOnError: false,
    revalidateOnFocus: false,
  });
  const model = known.data?.[0] ?? "deepseek-chat";
  const chat = useChat(token, model);
  const fault = chat.fault ?? (chat.turns.length === 0 && !chat.isBusy ? known.error : undefined);
  const retry = () => (chat.turns.length > 0 ? chat.retry() : void known.mutate());
  // A new token carries on where the old one ended.
  useEffect(() => {
    if (chat.fault?.kind === "token") chat.retry();
  }, [token]);
  const isWaiting = chat.isBusy && chat.turns.at(-1)?.role === "user";

  return (
    <main className="chat">
      <header>
        <Mark />
        <h1>Ask the line</h1>
        <span className="model">{known.isLoading ? "connecting…" : known.error ? "not connected" : model}</span>
        {chat.turns.length > 0 && <button onClick={chat.clear}>Clear</button>}
        <button onClick={onLeave}>Leave</button>
      </header>
      <Turns turns={chat.turns} isBusy={chat.isBusy} isWaiting={isWaiting}>
        {fault && <Trouble fault={fault} onRetry={retry} onToken={onToken} />}
      </Turns>
      <Composer isBusy={chat.isBusy} onAsk={chat.ask} onStop={chat.stop} />
    </main>
  );
}

interface Shown {
  turns: Turn[];
  isBusy: boolean;
  isWaiting: boolean;
  children: React.ReactNode;
}

function Turns({ turns, isBusy, isWaiting, children }: Shown) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // Follows the answer, unless the visitor has scrolled up to read.
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    follows.current = scrollHeight - scrollTop - clientHeight < 48;
  };

  return (
    <div className="turns" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Conversation" aria-busy={isBusy}>
      <div className="column">
        {turns.length === 0 && !children && (
          <p className="empty">Ask anything. The nearest healthy region answers.</p>
        )}
        {turns.map((turn, index) => (
          <article key={turn.id} className={turn.role}>
            <span className="hidden">{turn.role === "user" ? "You: " : "The line: "}</span>
            {turn.content}
            {isBusy && index === turns.length - 1 && turn.role === "assistant" && <i className="caret" />}
            {turn.isStopped && <small>stopped</small>}
          </article>
        ))}
        {isWaiting && (
          <div className="waiting" role="status" aria-label="Waiting for the answer">
            <i /><i /><i />
          </div>
        )}
        {children}
      </div>
    </div>
  );
}
