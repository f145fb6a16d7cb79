// The web example, used in a real browser as a visitor does.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { ORIGIN, build, launch, picture, serve, stats, token, turn } from "./stage.mjs";

const DESKTOP = { width: 900, height: 680, deviceScaleFactor: 1 };
const MOBILE = { width: 375, height: 667, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const ANSWER = "article.assistant";

let server, browser, visit, page, complaints;

before(async () => {
  build();
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.close();
});

// Each visitor is a stranger: an own tab, storage and cache.
beforeEach(async () => {
  visit = await browser.createBrowserContext();
  page = await visit.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.setDefaultTimeout(60_000);
  await page.setViewport(DESKTOP);
});

afterEach(async () => {
  await visit.close();
  assert.deepEqual(complaints, []);
});

const open = (given, origin = ORIGIN) => page.goto(given ? `${origin}/#token=${given}` : origin);
const text = (selector) => page.$eval(selector, (element) => element.innerText);
const shows = (selector, words) =>
  page.waitForFunction((s, w) => [...document.querySelectorAll(s)].some((e) => e.innerText.includes(w)), {}, selector, words);
const press = (name) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click();

async function ask(words = "What is a line?") {
  const question = `${words} ${randomUUID().slice(0, 8)}`;
  await page.type("textarea", question);
  await page.keyboard.press("Enter");
  return question;
}

const isDone = () => page.waitForSelector('[role="log"][aria-busy="false"]');

test("a visitor without a token is asked for one, and it is kept in this tab only", async () => {
  await turn();
  await open();
  await page.waitForSelector("input[name=token]");
  await picture(page, "gate");
  await page.type("input[name=token]", token());
  await press("Continue");
  await page.waitForSelector("textarea");
  await shows(".model", "deepseek");
  assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
  await press("Leave");
  await page.waitForSelector("input[name=token]");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("a question is answered, and a token in the address leaves it", async () => {
  await turn();
  await open(token());
  const question = await ask();
  await shows(ANSWER, question);
  await isDone();
  assert.equal(await page.evaluate(() => location.href), `${ORIGIN}/`);
  assert.match(await text("article.user"), /What is a line/);
  await ask("And what is a node?");
  await page.waitForFunction((s) => document.querySelectorAll(s).length === 2, {}, ANSWER);
  await isDone();
  await picture(page, "asked");
});

test("the answer grows while it is written", async () => {
  await turn({ first_token_ms: 5000, per_token_ms: 100, tokens: 90 });
  await open(token());
  await ask();
  await page.waitForSelector(".waiting");
  await page.waitForSelector(ANSWER);
  const lengths = new Set();
  while (await page.$('[role="log"][aria-busy="true"]')) {
    lengths.add((await text(ANSWER)).length);
    if (lengths.size === 40) await picture(page, "streaming");
  }
  assert.ok(lengths.size > 10, `it was seen with ${lengths.size} lengths only`);
});

test("stop ends the answer, keeps what came, and tells the upstream", async () => {
  await turn({ per_token_ms: 50, tokens: 4000 });
  await open(token());
  await ask();
  await page.waitForFunction((s) => document.querySelector(s)?.innerText.length > 60, {}, ANSWER);
  await press("Stop");
  await shows(ANSWER, "stopped");
  await isDone();
  await picture(page, "stopped");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
  const length = (await text(ANSWER)).length;
  for (let tries = 0; (await stats()).in_flight > 0; tries++) {
    assert.ok(tries < 300, "the upstream still writes 30 s after the stop");
    await new Promise((later) => setTimeout(later, 100));
  }
  assert.equal((await text(ANSWER)).length, length);
  assert.equal(await page.$("[role=alert]"), null);
  await turn();
  await shows(ANSWER, await ask("Once more?"));
});

test("an upstream that fails is told of, and can be asked again", async () => {
  await turn({ error_rate: 1, error_status: 500 });
  await open(token());
  const question = await ask();
  await page.waitForSelector('.trouble[data-kind="server"]');
  await picture(page, "failed");
  await turn();
  await page.waitForFunction(() => !document.querySelector(".trouble button").disabled);
  await page.click(".trouble button");
  await shows(ANSWER, question);
  assert.equal(await page.$(".trouble"), null);
});

test("too many questions: the page says when to come back", async () => {
  await turn({ error_rate: 1, error_status: 429 });
  await open(token());
  await ask();
  await page.waitForSelector('.trouble[data-kind="limit"]');
  // Both at once: it counts down and can be pressed at the end.
  await page.waitForFunction(() => {
    const button = document.querySelector(".trouble button");
    return button?.disabled && button.innerText.includes("Try again in ");
  });
  await picture(page, "limited");
});

test("a broken stream is no answer", async () => {
  await turn({ cut_stream_after: 8 });
  await open(token());
  await ask();
  await page.waitForSelector('.trouble[data-kind="cut"]');
});

test("an expired token: a new one carries on with the same question", async () => {
  await turn();
  await open(token());
  await shows(".model", "deepseek");
  await page.evaluate((old) => sessionStorage.setItem("dsline-token", old), token(-600));
  await page.reload();
  await page.waitForSelector('.trouble[data-kind="token"]');
  const question = await ask();
  await shows('.trouble[data-kind="token"]', "expired");
  await picture(page, "expired");
  await page.type("input[name=token]", token());
  await press("Continue");
  await shows(ANSWER, question);
  assert.equal(await page.$(".trouble"), null);
});

test("a page of another origin is not let in", async () => {
  await turn();
  const stranger = await serve(0);
  await open(token(), `http://127.0.0.1:${stranger.address().port}`);
  await page.waitForSelector('.trouble[data-kind="network"]');
  stranger.close();
});

test("it fits a telephone, and its buttons a thumb", async () => {
  await turn({ per_token_ms: 5, tokens: 120 });
  await page.setViewport(MOBILE);
  await open(token());
  await ask("How does a line find the nearest healthy region, and what happens when one of them fails?");
  await page.waitForSelector(ANSWER);
  await isDone();
  await picture(page, "mobile");
  // A mobile browser makes the window as wide as what is too wide for it.
  const width = () => page.evaluate(() => Math.max(innerWidth, document.documentElement.scrollWidth));
  assert.equal(await width(), 375);
  const heights = await page.$$eval("button, textarea", (all) => all.map((one) => one.getBoundingClientRect().height));
  assert.ok(heights.every((height) => height >= 44), String(heights));
  await page.setViewport({ ...MOBILE, width: 320, height: 480 });
  assert.equal(await width(), 320);
});

test("fields and buttons have names, and the keyboard is enough", async () => {
  await turn();
  await open(token());
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
  const question = await ask();
  await shows(ANSWER, question);
  const tree = JSON.stringify(await page.accessibility.snapshot());
  for (const name of ["Question", "Conversation", "Ask", "Leave"]) assert.ok(tree.includes(`"name":"${name}"`), `${name} in ${tree}`);
});
