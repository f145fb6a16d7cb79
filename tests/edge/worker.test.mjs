// The exported Worker in workerd (by Miniflare), with three small servers as the line's regions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { afterEach, beforeEach, test } from "node:test";
import { Miniflare } from "miniflare";

const WORKER = process.env.DSLINE_WORKER;
const NAMES = ["us-east-1", "ap-southeast-1", "eu-west-1"];
let regions, line;

// A region: healthy or not, with an answer of its own, and a list of what it was asked.
async function startRegion(name) {
  const region = { name, asked: [], bodies: [], health: 200, answer: null };
  region.server = createServer((request, response) => {
    const { url, method, headers } = request;
    if (url === "/healthz") return response.writeHead(region.health).end("ok");
    region.asked.push({ url, method, headers });
    if (region.answer === "cut") return request.socket.destroy();
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      region.bodies.push(body);
      if (region.answer) return region.answer(response);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ region: name }));
    });
  });
  await new Promise((done) => region.server.listen(0, "127.0.0.1", done));
  region.url = `http://127.0.0.1:${region.server.address().port}`;
  return region;
}

beforeEach(async () => {
  regions = Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await startRegion(name)])));
  const places = Object.fromEntries(NAMES.map((name) => [name, regions[name].url]));
  line = new Miniflare({
    modules: true, script: readFileSync(WORKER, "utf8"), compatibilityDate: "2025-06-01", cf: false, bindings: { REGIONS: JSON.stringify(places) },
  });
  await line.ready;
});

afterEach(async () => {
  await line.dispose();
  for (const { server } of Object.values(regions)) {
    server.closeAllConnections();
    server.close();
  }
});

function ask(continent, more = {}) {
  const body = JSON.stringify({ model: "m", messages: [] });
  return line.dispatchFetch("https://edge.example.com/v1/chat/completions?x=1", {
    method: "POST", body, headers: { authorization: "Bearer k", "content-length": `${body.length}` }, cf: { continent }, ...more,
  });
}

const regionOf = (answer) => answer.headers.get("x-dsline-region");
const refuseWith = (status, code) => (response) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: { code } }));

test("each continent goes to its home, whole", async () => {
  for (const [continent, home] of [["AS", "ap-southeast-1"], ["EU", "eu-west-1"], ["NA", "us-east-1"], [undefined, "us-east-1"]]) {
    const answer = await ask(continent);
    assert.equal(regionOf(answer), home);
    assert.equal((await answer.json()).region, home);
  }
  const [{ url, method, headers }] = regions["eu-west-1"].asked;
  assert.deepEqual([url, method, headers.authorization], ["/v1/chat/completions?x=1", "POST", "Bearer k"]);
  assert.equal(regions["eu-west-1"].bodies[0], '{"model":"m","messages":[]}');
});

test("an unhealthy region is passed over, and not asked again at once", async () => {
  regions["eu-west-1"].health = 503;
  assert.equal(regionOf(await ask("EU")), "us-east-1");
  regions["eu-west-1"].health = 200;
  assert.equal(regionOf(await ask("EU")), "us-east-1");
  assert.equal(regions["eu-west-1"].asked.length, 0);
});

test("a region that nobody serves is passed over", async () => {
  regions["eu-west-1"].server.close();
  assert.equal(regionOf(await ask("EU")), "us-east-1");
});

test("a connection that breaks goes on to the next region with the same body", async () => {
  regions["eu-west-1"].answer = "cut";
  assert.equal(regionOf(await ask("EU")), "us-east-1");
  assert.equal(regions["us-east-1"].bodies[0], '{"model":"m","messages":[]}');
});

test("nginx's own 502 goes on, an upstream's 502 is the answer", async () => {
  regions["ap-southeast-1"].answer = refuseWith(502, "gateway_down");
  const answer = await ask("AS");
  assert.notEqual(regionOf(answer), "ap-southeast-1");
  assert.equal(answer.status, 200);
  regions["eu-west-1"].answer = refuseWith(502, "upstream_error");
  const passed = await ask("EU");
  assert.deepEqual([passed.status, regionOf(passed)], [502, "eu-west-1"]);
  assert.equal((await passed.json()).error.code, "upstream_error");
});

test("a stream comes as it is made", async () => {
  let finish;
  regions["eu-west-1"].answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish = () => response.end("data: [DONE]\n\n");
  };
  const reader = (await ask("EU")).body.getReader();
  const text = (part) => Buffer.from(part.value).toString();
  assert.equal(text(await reader.read()), "data: 1\n\n");
  finish();
  assert.equal(text(await reader.read()), "data: [DONE]\n\n");
});

test("no region at all is a 503 that says when to come again, and metrics are nobody's here", async () => {
  for (const region of Object.values(regions)) region.health = 503;
  const answer = await ask("EU");
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "5"]);
  assert.equal((await answer.json()).error.code, "no_region");
  const metrics = await line.dispatchFetch("https://edge.example.com/metrics");
  assert.equal(metrics.status, 404);
});
