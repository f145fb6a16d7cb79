// A conversation: what was said, what is being said, and what went wrong.

import { useRef, useState } from "react";
import useSWRMutation from "swr/mutation";
import { Fault } from "./fault";
import { ask, type Message } from "./line";

export interface Turn extends Message {
  id: number;
  isStopped?: boolean;
}

export function useChat(token: string, model: string) {
  const [turns, setTurns] = useState<Turn[]>([]);
  const stopper = useRef<AbortController | null>(null);
  const number = useRef(0);

  // SWR keeps the state of the one question that is on its way: whether it is, and its fault.
  const { trigger, isMutating, error, reset } = useSWRMutation<void, Fault, string, Turn[]>(
    "chat",
    async (_key, { arg: asked }) => {
      const signal = (stopper.current = new AbortController()).signal;
      const answer: Turn = { id: ++number.current, role: "assistant", content: "" };
      const show = (turn: Turn) => setTurns([...asked, turn]);
      let content = "";
      try {
        await ask({
          token,
          model,
          messages: asked.filter(({ content }) => content).map(({ role, content }) => ({ role, content })),
          signal,
          onText: (piece) => show({ ...answer, content: (content += piece) }),
        });
      } finally {
        if (signal.aborted) show({ ...answer, content, isStopped: true });
      }
    },
    { throwOnError: false },
  );

  const send = (asked: Turn[]) => {
    setTurns(asked);
    void trigger(asked);
  };

  return {
    turns,
    isBusy: isMutating,
    fault: isMutating ? undefined : error,
    ask: (content: string) => send([...turns, { id: ++number.current, role: "user", content }]),
    /// Asks the last question again; half an answer goes.
    retry: () => send(turns.slice(0, turns.findLastIndex((turn) => turn.role === "user") + 1)),
    stop: () => stopper.current?.abort(),
    clear: () => {
      stopper.current?.abort();
      setTurns([]);
      reset();
    },
  };
}
