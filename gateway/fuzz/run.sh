#!/usr/bin/env bash
# Runs the gateway's fuzz targets, each for a minute: run.sh [TARGET...]; DSLINE_FUZZ_SECONDS is another time.
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
for name in "$@"; do
    log=$TARGET/$name.log corpus=$TARGET/corpus/$name
    mkdir -p "$corpus"
    code=0
    cargo +nightly fuzz run "${build[@]}" "$name" "$corpus" "seeds/$name" -- -artifact_prefix="$TARGET/found/$name-" \
        -max_total_time="$SECONDS_EACH" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 >"$log" 2>&1 || code=$?
    tries=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$code" = 0 ]; then
        echo "accepted $name: ${tries:-?} tries in $SECONDS_EACH s"
    else
        echo "REFUSED $name:"
        grep -E -A3 'panicked|ERROR|Test unit written' "$log" | head -n 20
        failed=yes
    fi
done
[ -z "${failed:-}" ]
