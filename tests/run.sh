#!/usr/bin/env bash
# Runs the tests in order, cheapest first, and sums them up: run.sh [--full] [TIER...]
#
# --full adds the long tests (Rust's ignored ones). TIER runs only those; `--list` names them. The last line is
# "N passed, N failed, N skipped". Exit 0: nothing failed; 1: something did, or CI=true and something was skipped.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../examples/lab/paths.sh"
cd "$CHECKOUT" || exit 1

LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT
FULL=
SHOWN=()
PASSED=0 FAILED=0 SKIPPED=0 FORBIDDEN=0
# How a tier says that it did not run: for a reason that CI must not have, or for one that it may.
CANNOT=77 MAY_NOT=78
# Why containers cannot run here; empty if they can.
NO_CONTAINERS=

TIERS=(format lints scripts dependencies unit gateway upstream load clients web fuzz cloud names nodes files waf monitoring manifests edge stories crash)

format() { cargo fmt --all --check; }

# Warnings are errors. In the release profile, since its build scripts and macros are needed below anyway.
lints() {
    local package
    for package in dsline dsline-gateway lab-upstream bench-load; do
        cargo clippy --locked --release --all-targets -p "$package" -- -D warnings || return
    done
}

scripts() {
    command -v shellcheck >/dev/null || install shellcheck || { echo "shellcheck could not be installed"; return "$CANNOT"; }
    local files=(git ls-files -z --cached --others --exclude-standard --)
    "${files[@]}" '*.sh' .ci/run examples/lab/chat ':!src' | xargs -0 shellcheck --severity=warning || return
    # What a node's own shell is sent has no first line of its own.
    "${files[@]}" 'src/*.sh' | xargs -0 shellcheck --severity=warning --shell=sh
}

# Building cargo-deny takes longer than all tests together, so it is used where it is and not missed where it is not.
dependencies() {
    cargo deny --version >/dev/null 2>&1 || { echo "no cargo-deny here; \`cargo install cargo-deny\` brings it"; return "$MAY_NOT"; }
    cargo deny --offline check bans licenses sources
}

unit() {
    local targets=(--lib --bins) name
    for name in $(test_targets); do
        case "$name" in lab | crash) ;; *) targets+=(--test "$name") ;; esac
    done
    rust dsline "${targets[@]}"
}

gateway() { rust dsline-gateway; }

upstream() { rust lab-upstream; }

# The load generator of the benches, and `dsline bench` against a gateway with the upstream emulator behind it.
load() {
    rust bench-load || return
    cargo build --locked --release -p dsline -p dsline-gateway -p lab-upstream || return
    tests/bench/run.sh "$TARGET/release/dsline" "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

# Real SDKs against the gateway, a Redis and the upstream emulator.
clients() {
    local program
    for program in redis-server curl node npm; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    cargo build --locked --release -p dsline-gateway -p lab-upstream || return
    tests/clients/run.sh "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

# The web example in a headless Chromium, against the same stage.
web() {
    local program
    for program in redis-server chromium node npm; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    cargo build --locked --release -p dsline-gateway -p lab-upstream || return
    tests/web/run.sh "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

fuzz() { gateway/fuzz/run.sh; }

cloud() { python_tests cloud; }

# The lab's name server, and that it answers what dsline's own evaluator does; the proof says how many states it walked.
names() { python_tests dns && RUST_TEST_NOCAPTURE=1 rust dsline --lib dns::evaluate; }

nodes() {
    [ -z "$NO_CONTAINERS" ] || { echo "$NO_CONTAINERS"; return "$CANNOT"; }
    python_tests nodes
}

# Every shipped profile's files, shown to the real daemons: a node's own where containers run, else this machine's.
files() {
    build_programs || return
    local home=$LOGS/home profile tree name
    mkdir -p "$home"
    ssh-keygen -q -t ed25519 -N '' -f "$home/id_ed25519" || return
    for profile in profiles/*.toml; do
        name=$(basename "$profile" .toml)
        tree=$LOGS/tree-$name
        echo "$profile"
        render "$home" "$profile" "$name" "$tree" && validate "$tree" || return
    done
}

# Renders as a user with nothing but a key and an API key, on no account at all.
render() {
    local home=$1 profile=$2 name=$3 tree=$4
    local line
    # The first: an upstream has a name too.
    line=$(sed -n '/^name = /{s/^name = "\(.*\)"/\1/p;q}' "$profile")
    mkdir -p "$home/.ssh" && cp "$home/id_ed25519.pub" "$home/.ssh/" || return
    env -u SSH_AUTH_SOCK HOME="$home" XDG_CONFIG_HOME="$home/config" "$DSLINE" init --yes --quiet \
        --name "$line" --out "$home/$name.toml" >/dev/null || return
    env -u SSH_AUTH_SOCK HOME="$home" XDG_CONFIG_HOME="$home/config" DEEPSEEK_API_KEY=test "$DSLINE" render --quiet \
        --profile "$profile" --gateway "$GATEWAY" --address 192.0.2.1 --with-secrets --out "$tree" >/dev/null
}

validate() {
    if [ -z "$NO_CONTAINERS" ]; then
        local image
        image=$("$LAB/nodes/image.sh" tags | sed -n 's/^node=//p')
        docker run --rm --network none --cap-add NET_ADMIN --volume "$1:/tree" --volume "$HERE/files:/files:ro" --volume "$GATEWAY:/gateway:ro" \
            --entrypoint /bin/bash "$image" /files/validate.sh /tree /gateway
    else
        bash "$HERE/files/validate.sh" "$1" "$GATEWAY"
    fi
    local code=$?
    # Its own word for a tool that is missing.
    if [ "$code" = 2 ]; then return "$CANNOT"; fi
    return "$code"
}

# What `export monitoring` writes, on a real Prometheus that watches a real node's nginx and gateway.
monitoring() {
    local tool
    for tool in prometheus prometheus-alertmanager prometheus-blackbox-exporter nginx; do
        command -v "$tool" >/dev/null || install "$tool" || { echo "$tool could not be installed"; return "$CANNOT"; }
    done
    build_programs || return
    python3 -B tests/monitoring/stage.py "$DSLINE" "$GATEWAY" "$UPSTREAM"
}

# What `export k8s` writes, against the schemas of Kubernetes; the gateway reads its own file.
manifests() {
    build_programs || return
    tests/manifests/run.sh "$DSLINE" "$GATEWAY"
}

# What `export edge` writes, in workerd.
edge() {
    build_programs || return
    tests/edge/run.sh "$DSLINE"
}

# Attacks and prompts against the rendered nginx with its rules; testssl.sh against its edges.
waf() {
    [ -z "$NO_CONTAINERS" ] || { echo "$NO_CONTAINERS"; return "$CANNOT"; }
    command -v testssl >/dev/null || install testssl.sh || { echo "testssl.sh could not be installed"; return "$CANNOT"; }
    build_programs || return
    local home=$LOGS/waf-home tests kind
    mkdir -p "$home"
    tests=$("$HERE/waf/source.sh" "$STATE/waf-source") || { echo "$tests"; return "$CANNOT"; }
    for kind in open limited off; do
        printf 'name = "default"\n' >"$home/$kind.toml"
        [ $kind = limited ] || printf '[nginx]\nrequests_per_second = 100000\nburst = 100000\n' >>"$home/$kind.toml"
        [ $kind != off ] || printf '[waf]\nmode = "off"\n' >>"$home/$kind.toml"
        mkdir -p "$home/$kind"
        ssh-keygen -q -t ed25519 -N '' -f "$home/$kind/id_ed25519" || return
        render "$home/$kind" "$home/$kind.toml" default "$home/tree-$kind" || return
    done
    "$HERE/waf/run.sh" "$home/tree-open" "$home/tree-limited" "$home/tree-off" "$tests"
}

# Whole lives of lines in the lab, which is left running if it ran before.
stories() {
    test_targets | grep -qx lab || { echo "there are no stories in this checkout"; return "$MAY_NOT"; }
    [ -z "$NO_CONTAINERS" ] || { echo "$NO_CONTAINERS"; return "$CANNOT"; }
    build_programs || return
    local was_up=yes code program
    for program in ${FULL:+chromium node npm}; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    "$LAB/services.sh" status 2>/dev/null || was_up=
    "$LAB/services.sh" start && "$LAB/operator.sh" >/dev/null || return
    # shellcheck disable=SC1091
    (. "$STATE/env" && rust dsline --test lab)
    code=$?
    [ -n "$was_up" ] || "$LAB/services.sh" stop
    return "$code"
}

# dsline killed at a sample of its requests, or at every one of them; each worker starts a lab of its own.
crash() {
    [ -z "$NO_CONTAINERS" ] || { echo "$NO_CONTAINERS"; return "$CANNOT"; }
    "$LAB/prepare.sh" python build || return
    DSLINE_GATEWAY=$GATEWAY rust dsline --test crash
}

# ---- what the tiers are made of

rust() {
    local package=$1 words=(); shift
    [ -z "$FULL" ] || words=(--include-ignored)
    # A snapshot that differs fails, and writes nothing into the checkout.
    INSTA_UPDATE=no cargo test --locked --release --no-fail-fast -p "$package" "$@" -- "${words[@]}"
}

python_tests() {
    "$LAB/prepare.sh" python || return
    (cd "$LAB" && "$PYTHON" -m unittest discover -t . -s "$1")
}

# Integration tests by name: tests/x.rs and tests/x/main.rs.
test_targets() {
    find tests -maxdepth 2 \( -path 'tests/*/main.rs' -o -path 'tests/*.rs' ! -path 'tests/*/*' \) -printf '%P\n' |
        sed 's#/main\.rs$##; s#\.rs$##' | sort
}

build_programs() { "$LAB/prepare.sh" build; }

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >"$LOGS/install" 2>&1 ||
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >"$LOGS/install" 2>&1
}

# Whether containers run is found out once, by running one.
try_containers() {
    "$LAB/prepare.sh" check 2>"$LOGS/machine" && "$LAB/prepare.sh" engine images containers 2>&1 | tee "$LOGS/machine" >&2
    [ "${PIPESTATUS[0]}" = 0 ] || NO_CONTAINERS="containers cannot run here: $(tail -n 1 "$LOGS/machine")"
}

# Sums up what the test programs said: cargo test, unittest, validate.sh.
count() {
    awk -v ended="$2" '
        /^accepted / { passed++ }
        /^REFUSED / { failed++ }
        /^test result: [oF]/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) passed += $i; if ($(i + 1) ~ /^failed/) failed += $i } }
        /^Ran [0-9]+ tests? in/ { ran += $2 }
        /^(OK|FAILED) ?\(/ { for (i = 1; i <= NF; i++) if (match($i, /[0-9]+/)) { n = substr($i, RSTART, RLENGTH)
            if ($i ~ /failures=|errors=/) bad += n; if ($i ~ /skipped=/) left += n } }
        END { passed += ran - bad - left; failed += bad
              if (ended == 0 && passed == 0) passed = 1
              if (ended != 0 && failed == 0) failed = 1
              print passed + 0, failed + 0, left + 0 }' "$1"
}

run_tier() {
    local name=$1 begun=$EPOCHREALTIME code took passed failed skipped verdict
    printf '\n== %s\n' "$name"
    "$name" 2>&1 | tee "$LOGS/$name"
    code=${PIPESTATUS[0]}
    took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begun }")
    if [ "$code" = "$CANNOT" ] || [ "$code" = "$MAY_NOT" ]; then
        passed=0 failed=0 skipped=1 verdict="SKIPPED: $(tail -n 1 "$LOGS/$name")"
        [ "$code" = "$MAY_NOT" ] || FORBIDDEN=$((FORBIDDEN + 1))
    else
        read -r passed failed skipped < <(count "$LOGS/$name" "$code")
        [ "$skipped" = 0 ] || FORBIDDEN=$((FORBIDDEN + skipped))
        verdict=$([ "$code" = 0 ] && echo passed || echo FAILED)
        verdict="$verdict ($passed passed, $failed failed, $skipped skipped)"
    fi
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
    SHOWN+=("$(printf '%8.1f s  %-13s %s' "$took" "$name" "$verdict")")
}

prepare() {
    command -v cargo >/dev/null || { "$LAB/prepare.sh" check; exit 1; }
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then "$LAB/prepare.sh" packages || exit 1; fi
    # Without root the state folder cannot be written; Python's tests need none that outlives them.
    mkdir -p "$STATE" 2>/dev/null && [ -w "$STATE" ] && return
    DSLINE_LAB_STATE=$LOGS/state
    mkdir "$DSLINE_LAB_STATE"
    . "$LAB/paths.sh"
}

summary() {
    printf '\n== summary\n'
    printf '%s\n' "${SHOWN[@]}"
    if [ -n "$NO_CONTAINERS" ]; then printf '\n!! %s\n' "$NO_CONTAINERS"; fi
    if [ "${CI:-}" = true ] && [ "$FORBIDDEN" -gt 0 ]; then printf '\n!! CI forbids skipping\n'; fi
    printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
}

main() {
    local tiers=() word name
    for word in "$@"; do
        case "$word" in
            --full) FULL=yes ;;
            --list) printf '%s\n' "${TIERS[@]}"; exit 0 ;;
            *) printf '%s\n' "${TIERS[@]}" | grep -qx -- "$word" || fail "no tier '$word'; there are: ${TIERS[*]}"; tiers+=("$word") ;;
        esac
    done
    [ "${#tiers[@]}" -gt 0 ] || tiers=("${TIERS[@]}")
    prepare
    local had_engine=yes
    docker version >/dev/null 2>&1 || had_engine=
    if printf '%s\n' "${tiers[@]}" | grep -qxE 'nodes|files|waf|stories|crash'; then try_containers; fi
    for name in "${tiers[@]}"; do run_tier "$name"; done
    [ -n "$had_engine" ] || "$LAB/nodes/engine.sh" stop 2>/dev/null || true
    summary
    [ "$FAILED" = 0 ] && { [ "${CI:-}" != true ] || [ "$FORBIDDEN" = 0 ]; }
}

main "$@"
