#!/usr/bin/env bash
# Runs the gateway's fuzz targets for a minute, all at once: run.sh [TARGET...]; DSLINE_FUZZ_SECONDS is another time.
#
# What was found lies in $CARGO_TARGET_DIR/fuzz/found. Exit 78: no cargo-fuzz or no nightly toolchain; the property
# tests of the same rooms stand in.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TARGET=${CARGO_TARGET_DIR:-$HERE/../../target}/fuzz
SECONDS_EACH=${DSLINE_FUZZ_SECONDS:-60}
TARGETS=(splitter canonical credential observer)

lacks() { echo "$1; the property tests stand in"; exit 78; }
command -v cargo-fuzz >/dev/null || lacks "no cargo-fuzz here, \`cargo install cargo-fuzz\` brings it"
cargo +nightly --version >/dev/null 2>&1 || lacks "no nightly toolchain here, \`rustup toolchain install nightly\` brings it"

cd "$HERE"
mkdir -p "$TARGET/found"
# The gateway forbids unsafe code: no sanitizer has anything to see, and without one there are many more tries.
build=(--sanitizer none --target-dir "$TARGET")
cargo +nightly fuzz build "${build[@]}" >&2
[ "$#" -gt 0 ] || set -- "${TARGETS[@]}"

# All at the same moment, so that the whole takes no longer than one.
play() {
    local log=$TARGET/$1.log corpus=$TARGET/corpus/$1
    mkdir -p "$corpus"
    cargo +nightly fuzz run "${build[@]}" "$1" "$corpus" "seeds/$1" -- -artifact_prefix="$TARGET/found/$1-" \
        -max_total_time="$SECONDS_EACH" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 >"$log" 2>&1
}

tell() {
    local log=$TARGET/$1.log tries
    if [ "$2" = 0 ]; then
        tries=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "accepted $1: ${tries:-?} tries in $SECONDS_EACH s"
    else
        echo "REFUSED $1:"
        grep -E -A3 'panicked|ERROR|Test unit written' "$log" | head -n 20
        failed=yes
    fi
}

declare -A players=()
for name in "$@"; do
    play "$name" &
    players[$name]=$!
done
for name in "$@"; do
    code=0
    wait "${players[$name]}" || code=$?
    tell "$name" "$code"
done
[ -z "${failed:-}" ]
