#!/usr/bin/env bash
# Builds examples/web and looks at the bundle; with DSLINE_TESTS_FULL=yes lets a headless Chromium use it, too, against a
# gateway and the lab's upstream.
#
#   run.sh UPSTREAM GATEWAY   the two programs; screenshots go to $DSLINE_SCREENSHOTS, if it is set
#   run.sh --line             in Chromium against a line, which the environment names (tests/lab/page.rs)
#
# Packages are installed once, into $DSLINE_WEB (~/.cache/dsline-web). Exit 77: they, or a program, cannot be had here.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PAGE=$(realpath "$HERE/../../examples/web")
CACHE=${DSLINE_WEB:-${XDG_CACHE_HOME:-$HOME/.cache}/dsline-web}
UPSTREAM=$1 GATEWAY=${2:-}
FULL=
if [ "${DSLINE_TESTS_FULL:-}" = yes ] || [ "$1" = --line ]; then FULL=yes; fi

lacks() { echo "$1"; exit 77; }

# Installs again when a list has changed. No package's own script is run; the browser is the system's.
install() {
    local from=$1 to=$2
    (cd "$from" && sha256sum --check --status "$to/stamp" 2>/dev/null) && return
    rm -rf "$to" && mkdir -p "$to" && cp "$from/package.json" "$from/package-lock.json" "$to/"
    npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel error >"$to/log" 2>&1 ||
        lacks "the packages of $from cannot be installed (no network?): $(grep -iE 'err' "$to/log" | tail -n 1)"
    (cd "$from" && sha256sum package.json package-lock.json) >"$to/stamp"
}

for tool in node npm ${FULL:+chromium}; do command -v "$tool" >/dev/null || lacks "no $tool here"; done
install "$PAGE" "$CACHE/page"
[ -z "$FULL" ] || install "$HERE" "$CACHE/test"

# Built where the packages are, so that the checkout stays as it is.
rm -rf "$CACHE/page/src" "$CACHE/page/dist"
cp -r "$PAGE/src" "$PAGE/index.html" "$PAGE/tsconfig.json" "$PAGE/vite.config.ts" "$CACHE/page/"
mkdir -p "$CACHE/test"
cp "$HERE"/*.mjs "$CACHE/test/"

export WEB_PAGE=$CACHE/page
if [ -n "$FULL" ]; then
    WEB_BROWSER=$(command -v chromium)
    export WEB_BROWSER
fi
[ "$1" != --line ] || exec node --test --test-reporter=tap "$CACHE/test/line.test.mjs"
for tool in redis-server python3; do command -v "$tool" >/dev/null || lacks "no $tool here"; done
tests=("$CACHE/test/bundle.test.mjs")
[ -z "$FULL" ] || tests+=("$CACHE/test/page.test.mjs")
code=0
# One after the other: both build.
out=$(cd "$HERE/../clients" && python3 -B stage.py "$UPSTREAM" "$GATEWAY" \
    node --test --test-concurrency=1 --test-reporter=tap "${tests[@]}" 2>&1) || code=$?
# TAP's points of the file's own level, in the words that tests/run.sh counts.
sed -nE 's/^(    )?ok [0-9]+ - /accepted /p; s/^(    )?not ok [0-9]+ - /REFUSED /p' <<<"$out" | grep -v '\.test\.mjs$'
[ "$code" = 0 ] || echo "$out"
exit "$code"
