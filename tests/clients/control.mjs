// What the JavaScript clients' tests share: the stage's places and its switches.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

const place = (name) => process.env[`STAGE_${name}`];

export const BASE = place("BASE");
export const LOST = place("LOST");
export const UPSTREAM = place("UPSTREAM");
export const KEY = place("KEY");
export const LIMITED_KEY = place("LIMITED_KEY");
export const UPSTREAM_KEY = place("UPSTREAM_KEY");
export const BODY_BYTES = Number(place("BODY_BYTES"));

export const MODEL = "deepseek-flash";
// The gateway tries three times in all.
export const MOST_TRIES = 3;
export const SLOW = { first_token_ms: 2500, keepalive_ms: 300 };
export const CUT = { cut_stream_after: 12 };
export const ABOUT = {
  type: "object",
  properties: { about: { type: "string" } },
  required: ["about"],
};

// A question that nobody has asked before.
export const fresh = (words = "What is a line?") => `${words} ${randomUUID()}`;

// How the lab's answer to a question begins.
export const said = (question) => `You asked ${MODEL}: ${question}`;

export const startsWith = (text, start) => assert.ok(text.startsWith(start), `${text} does not start with ${start}`);

const post = async (path, body = {}) => {
  const answer = await fetch(place("URL") + path, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
};

let before = 0;

// Other knobs, the rest at rest; from now on `asked` counts anew.
export const turn = async (knobs = {}) => {
  before = (await post("/begin", knobs)).requests;
};

// What the gateway had in its own memory is gone; Redis stays.
export const restart = () => post("/restart");

// Nobody is answered until `release`.
export const hold = () => post("/hold");

// Answers again, as soon as so many requests have joined another one's call.
export const release = (merged) => post("/release", { merged });

// How often the upstream was asked since the last `turn`.
export const asked = async () => (await post("/stats")).requests - before;
