#!/usr/bin/env bash
# The web example as a visitor of the lab's line sees it: builds examples/web, issues a token for a quarter of an hour, and opens the page in
# a Chromium of its own, which is told the line's address and whom to trust. Ctrl-C, or closing the window, ends it.
#
#   page.sh              a window; on a machine without a screen a question is asked as below
#   page.sh QUESTION     no window: asks, prints the answer as it stands on the page, and leaves a picture of it (page.png in the state folder)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

SITE=$STATE/page
# The address that the lab's profile lets in under [cors].
PORT=5173
# Drives the browser; newer than this one asks for a newer Node.js.
DRIVER=puppeteer-core@24.43.1

case "${1:-}" in -*) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 64 ;; esac
[ -f "$STATE/env" ] || fail "there is no lab here; examples/lab/up.sh brings it and a line up"
# shellcheck disable=SC1091
. "$STATE/env"

programs() {
    local absent=() name
    for name in nodejs npm chromium; do command -v "${name%js}" >/dev/null || absent+=("$name"); done
    # Without one a question in Chinese is a row of boxes in the picture.
    [ "$(id -u)" != 0 ] || fc-list :lang=zh 2>/dev/null | grep -q . || absent+=(fonts-wqy-zenhei)
    if [ "${#absent[@]}" -gt 0 ]; then
        [ "$(id -u)" = 0 ] || fail "only root can install ${absent[*]}"
        say "installing ${absent[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${absent[@]}" >"$STATE/page.log" 2>&1 ||
            fail "${absent[*]} cannot be installed: see $STATE/page.log"
    fi
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
        fail "the page is built by Vite, which needs Node.js 20.19 or newer; this is $(node --version). Debian 13 has it"
}

# In a folder of its own, so that the checkout stays as it is; packages are fetched once.
build() {
    local web=$CHECKOUT/examples/web
    mkdir -p "$SITE"
    if ! (cd "$web" && sha256sum --check --status "$SITE/stamp" 2>/dev/null); then
        say "fetching the page's packages"
        cp "$web/package.json" "$web/package-lock.json" "$SITE/"
        (cd "$SITE" && npm ci --ignore-scripts --no-audit --no-fund && npm install --no-save --ignore-scripts --no-audit --no-fund "$DRIVER") \
            >"$STATE/page.log" 2>&1 || fail "they cannot be fetched: see $STATE/page.log"
        (cd "$web" && sha256sum package.json package-lock.json) >"$SITE/stamp"
    fi
    rm -rf "$SITE/src" "$SITE/dist"
    cp -r "$web/src" "$web/index.html" "$web/tsconfig.json" "$web/vite.config.ts" "$LAB/page.mjs" "$SITE/"
    say "building the page for $1"
    (cd "$SITE" && VITE_LINE_URL=$1 npm run --silent build) >"$STATE/page.log" 2>&1 || fail "it cannot be built: see $STATE/page.log"
}

# The digest of the public key that signed the line's certificate.
authority() { dsline cert ca | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64; }

programs
dsline connect --json >"$STATE/page.json" || fail "the lab's line cannot be reached; examples/lab/up.sh brings it up"
BASE=$("$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["base_url"])' <"$STATE/page.json")
HOST=${BASE#https://}
HOST=${HOST%%/*}
build "$BASE"
ADDRESS=$("$PYTHON" "$LAB/ask" "$HOST" --server "127.0.0.1:$DNS_PORT" | head -n 1)
# A screen is needed for a window.
QUESTION=${1:-}
[ -n "$QUESTION" ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || QUESTION="Who answers?"

# The token goes by the environment, which only this user can read.
PAGE_TOKEN=$(dsline token issue --for visitor --valid 15m --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["token"])')
PAGE_AUTHORITY=$(authority)
export PAGE_TOKEN PAGE_AUTHORITY PAGE_PORT=$PORT PAGE_HOST=$HOST PAGE_ADDRESS=$ADDRESS PAGE_QUESTION=$QUESTION PAGE_PICTURE=$STATE/page.png
cd "$SITE"
exec node page.mjs
