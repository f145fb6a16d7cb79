// Serves the built page and opens it in Chromium; with a question, asks it there and takes a picture. Run by page.sh, which sets PAGE_*.

import puppeteer from "puppeteer-core";
import { preview } from "vite";

const { PAGE_TOKEN, PAGE_AUTHORITY, PAGE_PORT, PAGE_HOST, PAGE_ADDRESS, PAGE_QUESTION, PAGE_PICTURE } = process.env;
const ADDRESS = `http://127.0.0.1:${PAGE_PORT}/`;
// Browsers ask the machine's resolver, which does not know the lab's names, and trust no authority of a line's own.
const FLAGS = [
  `--host-resolver-rules=MAP ${PAGE_HOST} ${PAGE_ADDRESS}`,
  `--ignore-certificate-errors-spki-list=${PAGE_AUTHORITY}`,
  "--no-sandbox",
  "--no-proxy-server",
  "--disable-dev-shm-usage",
];

const site = await preview({ logLevel: "error", preview: { host: "127.0.0.1", port: Number(PAGE_PORT), strictPort: true } });
const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  headless: Boolean(PAGE_QUESTION),
  defaultViewport: PAGE_QUESTION ? { width: 900, height: 700 } : null,
  args: FLAGS,
});
try {
  const [page] = await browser.pages();
  await page.goto(`${ADDRESS}#token=${PAGE_TOKEN}`);
  if (PAGE_QUESTION) await ask(page);
  else await untilClosed();
} finally {
  await browser.close();
  await site.close();
}
process.exit();

async function ask(page) {
  await page.type("textarea", PAGE_QUESTION);
  await page.keyboard.press("Enter");
  const told = await page.waitForSelector('[role="log"][aria-busy="false"] article.assistant, .trouble', { timeout: 30_000 });
  await page.screenshot({ path: PAGE_PICTURE });
  const trouble = await page.$(".trouble");
  console.log(await (trouble ?? told).evaluate((element) => element.innerText));
  console.log(`page: a picture of it is ${PAGE_PICTURE}`);
  if (trouble) process.exitCode = 1;
}

async function untilClosed() {
  console.log(`page: the page is ${ADDRESS}, in the window that has just opened; Ctrl-C ends it`);
  await new Promise((closed) => {
    browser.once("disconnected", closed);
    process.once("SIGINT", closed);
  });
}
