# Builds what the benches run, as it is deployed: the gateway is one static program. Sourced, not run.
# shellcheck shell=bash disable=SC2034

# build PACKAGE...: sets DSLINE, GATEWAY, UPSTREAM and LOAD. With $DSLINE_BENCH_BIN they lie in that folder already.
build() {
    local bin="${DSLINE_BENCH_BIN:-}" target="${CARGO_TARGET_DIR:-$ROOT/target}" host flags=() name
    if [ -n "$bin" ]; then
        DSLINE="$bin/dsline" GATEWAY="$bin/dsline-gateway" UPSTREAM="$bin/lab-upstream" LOAD="$bin/bench-load"
    else
        say "building $* and the gateway"
        host=$(rustc -vV | sed -n 's/^host: //p')
        for name in "$@"; do flags+=(--package "$name"); done
        # With --target, the flags are for the gateway alone: build scripts and macros cannot be static.
        (cd "$ROOT" && cargo build -q --release "${flags[@]}" &&
            RUSTFLAGS="-C target-feature=+crt-static" cargo build -q --profile gateway -p dsline-gateway --target "$host") ||
            fail "the build failed"
        DSLINE="$target/release/dsline" UPSTREAM="$target/release/lab-upstream" LOAD="$target/release/bench-load"
        GATEWAY="$target/$host/gateway/dsline-gateway"
    fi
    for name in "$GATEWAY" "$UPSTREAM" "$LOAD"; do [ -x "$name" ] || fail "there is no $name"; done
}
