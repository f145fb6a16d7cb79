// @ai-sdk/openai-compatible with ai, as an application uses them.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, RetryError, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import * as stage from "./control.mjs";

const { MODEL, fresh, said, startsWith, turn } = stage;
const provider = ({ baseURL = stage.BASE, apiKey = stage.KEY } = {}) =>
  createOpenAICompatible({ name: "dsline", baseURL, apiKey, includeUsage: true });
const whole = (prompt, more = {}, of = provider()) => generateText({ model: of(MODEL), prompt, maxRetries: 0, ...more });

// An error event becomes a part of the stream; a connection that breaks is thrown.
const streamed = async (prompt, more = {}, of = provider()) => {
  const all = { words: "", thoughts: "", errors: [] };
  const { fullStream } = streamText({ model: of(MODEL), prompt, maxRetries: 0, onError: () => {}, ...more });
  try {
    for await (const part of fullStream) {
      if (part.type === "text-delta") all.words += part.text;
      if (part.type === "reasoning-delta") all.thoughts += part.text;
      if (part.type === "error") all.errors.push(part.error);
      if (part.type === "finish") all.reason = part.finishReason;
    }
  } catch (error) {
    all.errors.push(error);
  }
  return all;
};

const lookUp = (calls) =>
  tool({
    inputSchema: jsonSchema(stage.ABOUT),
    execute: async ({ about }) => {
      calls.push(about);
      return "rain";
    },
  });

beforeEach(() => turn());

test("an answer in one piece", async () => {
  const question = fresh();
  const answer = await whole(question);
  startsWith(answer.text, said(question));
  assert.match(answer.reasoningText, /The user wants/);
  assert.ok(answer.usage.outputTokens > 0);
});

test("an answer as a stream", async () => {
  const question = fresh();
  const all = await streamed(question);
  startsWith(all.words, said(question));
  assert.match(all.thoughts, /The user wants/);
  assert.deepEqual([all.reason, all.errors], ["stop", []]);
});

test("tools, and the thoughts that go back", async () => {
  const calls = [];
  const answer = await whole(fresh("weather"), { tools: { look_up: lookUp(calls) }, stopWhen: stepCountIs(3) });
  assert.equal(calls.length, 1);
  assert.match(calls[0], /weather/);
  assert.deepEqual([answer.steps.length, answer.finishReason], [2, "stop"]);
});

test("tools in a stream", async () => {
  const calls = [];
  const all = await streamed(fresh("weather"), { tools: { look_up: lookUp(calls) }, stopWhen: stepCountIs(3) });
  assert.equal(calls.length, 1);
  assert.deepEqual([all.reason, all.errors], ["stop", []]);
});

test("embeddings", async () => {
  const model = provider().embeddingModel("deepseek-embedding");
  const { embeddings } = await embedMany({ model, values: [fresh("one"), fresh("two")] });
  assert.deepEqual(embeddings.map((one) => one.length), [8, 8]);
});

const raises = (asking, status) =>
  assert.rejects(asking, (error) => {
    assert.ok(APICallError.isInstance(error), `${error}`);
    assert.ok(error.responseBody.includes('"error"'), error.responseBody);
    return error.statusCode === status;
  });

test("401", () => raises(whole(fresh(), {}, provider({ apiKey: "sk-wrong" })), 401));

test("413", () => raises(whole("x".repeat(stage.BODY_BYTES + 1)), 413));

test("429", () =>
  raises(async () => {
    for (let tries = 0; tries < 20; tries += 1) await whole(fresh(), {}, provider({ apiKey: stage.LIMITED_KEY }));
  }, 429));

test("502", () => raises(whole(fresh(), {}, provider({ baseURL: stage.LOST })), 502));

// It knows nothing of x-should-retry and asks three times in all; the breaker is what spares the upstream.
test("its own retries meet a gateway that has given up", async () => {
  await turn({ error_rate: 1, error_status: 503 });
  await assert.rejects(whole(fresh(), { maxRetries: 2 }), (error) => RetryError.isInstance(error));
  assert.ok((await stage.asked()) <= 2 * stage.MOST_TRIES, `${await stage.asked()}`);
});

test("a cut stream raises", async () => {
  await turn(stage.CUT);
  const all = await streamed(fresh());
  assert.ok(all.errors.length > 0);
});

test("heartbeats are no trouble", async () => {
  await turn(stage.SLOW);
  const question = fresh();
  const all = await streamed(question);
  startsWith(all.words, said(question));
  assert.deepEqual(all.errors, []);
  assert.ok((await whole(fresh())).text);
});

test("kept answers equal live ones", async () => {
  const question = fresh();
  const lives = [await streamed(question), await streamed(question)];
  await stage.restart();
  lives.push(await streamed(question));
  for (const live of lives) assert.deepEqual(live, lives[0]);
  assert.equal((await whole(question)).text, lives[0].words);
  assert.equal(await stage.asked(), 1);
});

test("merged answers equal live ones", async () => {
  const question = fresh();
  await stage.hold();
  const asked = Promise.all(Array.from({ length: 8 }, () => streamed(question)));
  await stage.release(7);
  const crowd = await asked;
  for (const one of crowd) assert.deepEqual(one, crowd[0]);
  assert.equal(await stage.asked(), 1);
});
