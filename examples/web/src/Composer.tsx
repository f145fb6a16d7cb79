// Where a question is written; the one button asks, or stops what is being answered.

import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

interface Given {
  isBusy: boolean;
  onAsk: (question: string) => void;
  onStop: () => void;
}

export function Composer({ isBusy, onAsk, onStop }: Given) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  // As high as what is written, up to what the style allows.
  useEffect(() => {
    const area = field.current!;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (isBusy || !text.trim()) return;
    onAsk(text.trim());
    setText("");
  };
  // The button goes away under the visitor's finger; the focus must not go with it.
  const stop = () => {
    onStop();
    field.current!.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isBusy) stop();
    // Enter also ends a word of an input method, which is no question yet.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };

  return (
    <form className="composer" onSubmit={submit}>
      <div className="column row">
        <label className="hidden" htmlFor={id}>Question</label>
        <textarea id={id} ref={field} rows={1} value={text} placeholder="Ask a question" autoFocus
          onChange={(event) => setText(event.target.value)} onKeyDown={onKeyDown} />
        {isBusy ? (
          <button key="stop" type="button" className="stop" onClick={stop}>Stop</button>
        ) : (
          <button key="ask" className="primary" disabled={!text.trim()}>Ask</button>
        )}
      </div>
    </form>
  );
}
