// What the page's tests stand on: the built page at its origin, a browser, tokens, and the stage's switches.

import { execFileSync } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const { STAGE_URL, STAGE_BASE, STAGE_TOKEN_KEY, STAGE_PAGE_PORT, STAGE_BROWSER, WEB_PAGE, WEB_BROWSER, DSLINE_SCREENSHOTS } = process.env;
const DIST = join(WEB_PAGE, "dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

// Where the page is; the gateway lets this origin in and no other.
export const ORIGIN = `http://127.0.0.1:${STAGE_PAGE_PORT}`;
export const TOKEN_KEY = STAGE_TOKEN_KEY;

export function build() {
  const env = { ...process.env, VITE_LINE_URL: STAGE_BASE };
  execFileSync("npm", ["run", "--silent", "build"], { cwd: WEB_PAGE, env, stdio: ["ignore", "ignore", "inherit"] });
}

// Every text of the bundle.
export const bundle = () =>
  readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));

export function serve(port = Number(STAGE_PAGE_PORT)) {
  const server = createServer((request, answer) => {
    const path = new URL(request.url, ORIGIN).pathname;
    const file = join(DIST, path === "/" ? "index.html" : path);
    if (!existsSync(file)) return answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": TYPES[extname(file)] }).end(readFileSync(file));
  });
  return new Promise((ready) => server.listen(port, "127.0.0.1", () => ready(server)));
}

// Imported here, since the bundle is tested without a browser and its packages too.
export async function launch() {
  const { default: puppeteer } = await import("puppeteer-core");
  return puppeteer.launch({
    executablePath: WEB_BROWSER,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--disable-gpu", ...JSON.parse(STAGE_BROWSER ?? "[]")],
  });
}

// A token as `dsline token issue` makes it, valid for so many seconds; negative: it ended before.
export function token(seconds = 600) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: "dsline", aud: "dsline:clients", sub: randomUUID(), jti: randomUUID().replaceAll("-", "") };
  const head = part({ alg: "HS256", typ: "JWT", kid: "1" });
  const signed = `${head}.${part({ ...claims, iat: now - 3600, exp: now + seconds })}`;
  return `${signed}.${createHmac("sha256", TOKEN_KEY).update(signed).digest("base64url")}`;
}

// Other knobs of the upstream, the rest at rest.
export async function turn(knobs = {}) {
  await fetch(`${STAGE_URL}/begin`, { method: "POST", body: JSON.stringify(knobs) });
}

export async function stats() {
  return (await fetch(`${STAGE_URL}/stats`, { method: "POST" })).json();
}

// For whoever wants to look at it.
export async function picture(page, name) {
  if (!DSLINE_SCREENSHOTS) return;
  mkdirSync(DSLINE_SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(DSLINE_SCREENSHOTS, `${name}.png`) });
}
