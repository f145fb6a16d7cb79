#!/usr/bin/env bash
# Runs the Worker that `dsline export edge` writes in workerd, by Miniflare: run.sh DSLINE
#
# Miniflare is installed once, into $DSLINE_EDGE (~/.cache/dsline-edge). Exit 77: it cannot be.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${DSLINE_EDGE:-${XDG_CACHE_HOME:-$HOME/.cache}/dsline-edge}
DSLINE=$(realpath "$1")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

lacks() { echo "$1"; exit 77; }

for tool in node npm; do command -v "$tool" >/dev/null || lacks "no $tool here"; done
if ! (cd "$HERE" && sha256sum --check --status "$CACHE/stamp" 2>/dev/null); then
    rm -rf "$CACHE" && mkdir -p "$CACHE" && cp "$HERE/package.json" "$HERE/package-lock.json" "$CACHE/"
    # No package's own script is run; workerd comes as a binary of its own package.
    npm ci --prefix "$CACHE" --ignore-scripts --no-audit --no-fund --loglevel error >"$CACHE/log" 2>&1 ||
        lacks "Miniflare cannot be installed (no network?): $(tail -n 1 "$CACHE/log")"
    (cd "$HERE" && sha256sum package.json package-lock.json) >"$CACHE/stamp"
fi

cd "$WORK"
printf 'name = "edge"\n[dns]\nhost = "llm.example.com"\n' >dsline.toml
env -i PATH="$PATH" HOME="$WORK" "$DSLINE" export edge edge --quiet >/dev/null
# Node looks for packages beside the file, so the tests are played where the packages are.
cp "$HERE/worker.test.mjs" "$CACHE/"
code=0
out=$(DSLINE_WORKER=$WORK/edge/worker.js node --test --test-reporter=tap "$CACHE/worker.test.mjs" 2>&1) || code=$?
# TAP's points in the words that tests/run.sh counts.
sed -nE 's/^(    )?ok [0-9]+ - /accepted /p; s/^(    )?not ok [0-9]+ - /REFUSED /p' <<<"$out" | grep -v '\.test\.mjs$'
[ "$code" = 0 ] || echo "$out"
exit "$code"
