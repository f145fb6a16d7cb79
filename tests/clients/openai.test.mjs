// openai-node, as an application uses it.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import OpenAI, { toFile } from "openai";
import * as stage from "./control.mjs";

const { MODEL, fresh, said, startsWith, turn } = stage;
const client = (more = {}) => new OpenAI({ baseURL: stage.BASE, apiKey: stage.KEY, maxRetries: 0, timeout: 120_000, ...more });
const tool = { type: "function", function: { name: "look_up", parameters: stage.ABOUT } };

const ask = (question, more = {}, of = client()) => {
  const messages = typeof question === "string" ? [{ role: "user", content: question }] : question;
  return of.chat.completions.create({ model: MODEL, messages, ...more });
};

// All that a stream said.
const read = async (stream) => {
  const all = { words: "", thoughts: "", calls: [] };
  for await (const chunk of await stream) {
    all.id = chunk.id;
    all.usage = chunk.usage ?? all.usage;
    for (const { delta, finish_reason: reason } of chunk.choices) {
      all.words += delta.content ?? "";
      all.thoughts += delta.reasoning_content ?? "";
      for (const piece of delta.tool_calls ?? []) {
        const call = (all.calls[piece.index] ??= { id: piece.id, type: "function", function: { name: piece.function.name, arguments: "" } });
        call.function.arguments += piece.function.arguments ?? "";
      }
      all.reason = reason ?? all.reason;
    }
  }
  return all;
};

beforeEach(() => turn());

test("an answer in one piece", async () => {
  const question = fresh();
  const { choices, usage } = await ask(question);
  startsWith(choices[0].message.content, said(question));
  assert.match(choices[0].message.reasoning_content, /The user wants/);
  assert.equal(usage.prompt_cache_miss_tokens, usage.prompt_tokens);
});

test("an answer as a stream", async () => {
  const question = fresh();
  const all = await read(ask(question, { stream: true, stream_options: { include_usage: true } }));
  startsWith(all.words, said(question));
  assert.match(all.thoughts, /The user wants/);
  assert.equal(all.reason, "stop");
  assert.ok(all.usage.completion_tokens > 0);
});

test("tools, and the thoughts that go back", async () => {
  const messages = [{ role: "user", content: fresh("weather") }];
  const { message } = (await ask(messages, { tools: [tool] })).choices[0];
  const call = message.tool_calls[0];
  assert.match(call.function.arguments, /weather/);
  messages.push(message, { role: "tool", tool_call_id: call.id, content: "rain" });
  assert.equal((await ask(messages, { tools: [tool] })).choices[0].finish_reason, "stop");
  delete message.reasoning_content;
  await assert.rejects(ask(messages, { tools: [tool] }), /must be passed back/);
});

test("tools in a stream", async () => {
  const messages = [{ role: "user", content: fresh("weather") }];
  const all = await read(ask(messages, { tools: [tool], stream: true }));
  assert.equal(all.reason, "tool_calls");
  messages.push(
    { role: "assistant", content: "", reasoning_content: all.thoughts, tool_calls: all.calls },
    { role: "tool", tool_call_id: all.calls[0].id, content: "rain" },
  );
  assert.equal((await read(ask(messages, { tools: [tool], stream: true }))).reason, "stop");
});

test("embeddings", async () => {
  const input = [fresh("one"), fresh("two")];
  const { data } = await client().embeddings.create({ model: "deepseek-embedding", input, encoding_format: "float" });
  assert.deepEqual(data.map((one) => one.embedding.length), [8, 8]);
});

test("models", async () => {
  const names = [];
  for await (const model of client().models.list()) names.push(model.id);
  assert.ok(names.includes(MODEL));
});

test("an upload arrives whole", async () => {
  const content = Buffer.alloc(500_000, "0123456789abcdef\r\n");
  const upload = async (of) => of.files.create({ file: await toFile(content, "notes.bin"), purpose: "user_data" });
  const direct = await upload(client({ baseURL: `${stage.UPSTREAM}/v1`, apiKey: stage.UPSTREAM_KEY }));
  const through = await upload(client());
  assert.deepEqual([through.id, through.bytes], [direct.id, content.length]);
});

test("401", () =>
  assert.rejects(ask(fresh(), {}, client({ apiKey: "sk-wrong" })), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    return Boolean(error.requestID);
  }));

test("413", () => assert.rejects(ask("x".repeat(stage.BODY_BYTES + 1)), { status: 413, code: "request_too_large" }));

test("429", () =>
  assert.rejects(
    async () => {
      for (let tries = 0; tries < 20; tries += 1) await ask(fresh(), {}, client({ apiKey: stage.LIMITED_KEY }));
    },
    (error) => error instanceof OpenAI.RateLimitError && Number(error.headers.get("retry-after")) >= 1,
  ));

test("502", () => assert.rejects(ask(fresh(), {}, client({ baseURL: stage.LOST })), { status: 502 }));

for (const status of [500, 503, 429]) {
  for (const stream of [false, true]) {
    test(`retries are not multiplied: ${status}, ${stream ? "stream" : "one piece"}`, async () => {
      await turn({ error_rate: 1, error_status: status });
      await assert.rejects(ask(fresh(), { stream }, client({ maxRetries: 2 })), OpenAI.APIError);
      assert.ok((await stage.asked()) <= stage.MOST_TRIES);
    });
  }
}

test("a cut stream raises", async () => {
  await turn(stage.CUT);
  await assert.rejects(read(ask(fresh(), { stream: true })));
});

test("heartbeats are no trouble", async () => {
  await turn(stage.SLOW);
  const question = fresh();
  startsWith((await read(ask(question, { stream: true }))).words, said(question));
  assert.ok((await ask(fresh())).choices[0].message.content);
});

for (const stream of [false, true]) {
  const asks = (question) => async () => {
    const { data, response } = await ask(question, { stream }).withResponse();
    return [response.headers.get("x-dsline-cache"), stream ? await read(data) : JSON.parse(JSON.stringify(data))];
  };
  const form = stream ? "stream" : "one piece";

  test(`kept answers equal live ones: ${form}`, async () => {
    const one = asks(fresh());
    const answers = [await one(), await one()];
    await stage.restart();
    answers.push(await one());
    // Until the cache has looked at an answer that has just ended, it is found among the last calls.
    assert.match(answers.map(([how]) => how).join(" "), /^miss (hit|coalesced) hit$/);
    for (const [, answer] of answers) assert.deepEqual(answer, answers[0][1]);
    assert.equal(await stage.asked(), 1);
  });

  test(`merged answers equal live ones: ${form}`, async () => {
    const one = asks(fresh());
    await stage.hold();
    const crowd = Promise.all(Array.from({ length: 8 }, one));
    await stage.release(7);
    const answers = await crowd;
    for (const [, answer] of answers) assert.deepEqual(answer, answers[0][1]);
    assert.equal(await stage.asked(), 1);
  });
}
