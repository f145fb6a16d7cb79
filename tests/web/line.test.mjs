// The web example against a whole line: TLS, nginx and its rules lie between the page and the gateway.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ORIGIN, build, launch, picture, serve } from "./stage.mjs";

const { STAGE_TOKEN, STAGE_EXPIRED, STAGE_UPSTREAM } = process.env;
const ANSWER = "article.assistant";

let server, browser, page;

before(async () => {
  build();
  server = await serve();
  browser = await launch();
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.setViewport({ width: 375, height: 667, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
});

after(async () => {
  await browser?.close();
  server?.close();
});

const turn = (knobs) => fetch(`${STAGE_UPSTREAM}/_lab/knobs`, { method: "POST", body: JSON.stringify(knobs) });
const shows = (selector, words) =>
  page.waitForFunction((s, w) => [...document.querySelectorAll(s)].some((e) => e.innerText.includes(w)), {}, selector, words);
const isDone = () => page.waitForSelector('[role="log"][aria-busy="false"]');
const length = () => page.$$eval(ANSWER, (all) => all.at(-1)?.innerText.length ?? 0);

async function ask(question) {
  await page.type("textarea", question);
  await page.keyboard.press("Enter");
}

test("a question about code and SQL is answered, while it is written", async () => {
  await turn({ first_token_ms: 300, per_token_ms: 100, tokens: 90 });
  await page.goto(`${ORIGIN}/#token=${STAGE_TOKEN}`);
  const question = "Why does SELECT * FROM users WHERE name = '' OR 1=1 -- print <script>alert(1)</script>?";
  await ask(question);
  await page.waitForSelector(ANSWER);
  const lengths = new Set();
  while (await page.$('[role="log"][aria-busy="true"]')) lengths.add(await length());
  assert.ok(lengths.size > 10, `it was seen with ${lengths.size} lengths only`);
  assert.equal(await page.$(".trouble"), null);
  await picture(page, "line");
});

test("stop ends it, for the upstream too", async () => {
  await turn({ first_token_ms: 0, per_token_ms: 50, tokens: 4000 });
  await ask("And now at length, please");
  await page.waitForFunction((s) => document.querySelectorAll(s)[1]?.innerText.length > 60, {}, ANSWER);
  await page.locator('::-p-aria([name="Stop"][role="button"])').click();
  await shows(ANSWER, "stopped");
  await isDone();
  for (let tries = 0; (await (await fetch(`${STAGE_UPSTREAM}/_lab/stats`)).json()).in_flight > 0; tries++) {
    assert.ok(tries < 300, "the upstream still writes 30 s after the stop");
    await new Promise((later) => setTimeout(later, 100));
  }
});

test("a token that has ended is told of", async () => {
  await turn({ per_token_ms: 0, tokens: 16 });
  await page.evaluate((old) => sessionStorage.setItem("dsline-token", old), STAGE_EXPIRED);
  await page.reload();
  await page.waitForSelector('.trouble[data-kind="token"]');
  await ask("Who am I?");
  await shows('.trouble[data-kind="token"]', "expired");
});

test("an upstream that fails is told of", async () => {
  await turn({ error_rate: 1, error_status: 500 });
  await page.evaluate((token) => sessionStorage.setItem("dsline-token", token), STAGE_TOKEN);
  await page.reload();
  await page.waitForSelector("textarea");
  await ask("Is anybody there?");
  await page.waitForSelector('.trouble[data-kind="server"]');
  await turn({ error_rate: 0, error_status: 503 });
});
