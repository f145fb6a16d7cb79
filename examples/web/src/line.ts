// The line's API, as far as the page needs it.

import { events } from "./events";
import { Fault } from "./fault";

/// Where the line is; no secret, so it may stand in the bundle.
const BASE = (import.meta.env.VITE_LINE_URL ?? "https://llm.example.com/v1").replace(/\/$/, "");

export interface Message {
  role: "user" | "assistant";
  content: string;
}

export interface Question {
  token: string;
  model: string;
  messages: Message[];
  signal: AbortSignal;
  /// Called with each piece of the answer.
  onText: (piece: string) => void;
}

/// The names of the models.
export async function models(token: string): Promise<string[]> {
  const answer = await call("/models", { headers: { authorization: `Bearer ${token}` } });
  const body: { data: { id: string }[] } = await answer.json();
  return body.data.map((model) => model.id);
}

/// Asks, and returns when the answer is whole. Ends without a fault when `signal` says so.
export async function ask({ token, model, messages, signal, onText }: Question): Promise<void> {
  try {
    const answer = await call("/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages, stream: true }),
      signal,
    });
    await read(answer.body!, onText);
  } catch (cause) {
    if (!signal.aborted) throw Fault.of(cause);
  }
}

async function read(body: ReadableStream<Uint8Array>, onText: (piece: string) => void) {
  for await (const data of events(body)) {
    if (data === "[DONE]") return;
    const event = JSON.parse(data);
    // A stream that breaks ends in an error in its midst, never in a clean end.
    if (event.error) throw new Fault("cut", event.error.message);
    const piece: string | undefined = event.choices?.[0]?.delta?.content;
    if (piece) onText(piece);
  }
  throw new Fault("cut", "The connection ended before the answer did.");
}

async function call(path: string, wanted: RequestInit): Promise<Response> {
  const answer = await fetch(BASE + path, { ...wanted, cache: "no-store" }).catch((cause) => {
    throw wanted.signal?.aborted ? cause : Fault.of(cause);
  });
  if (!answer.ok) throw await Fault.ofAnswer(answer);
  return answer;
}
