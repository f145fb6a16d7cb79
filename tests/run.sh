#!/usr/bin/env bash
# Runs the tests in order and sums them up: run.sh [--full] [TIER...]
#
#   --full         the long tests too (Rust's ignored ones, whole corpora, more SDKs): up to three hours
#   --list         name the tiers
#   --was-green    exit 0 if the commit at HEAD has been seen green here
#   TIER           only those, and what they need
#
# Each tier has a time limit; one past it is ended, names the tests that were still running, and fails. The end of the log
# tells everything: the time of each tier, the ten slowest tests, the last lines of each failure, and "N passed, N failed,
# N skipped". Exit 0: nothing failed; 1: something did, or CI=true and something was skipped. A commit whose tests all
# passed is written down in the state folder.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../examples/lab/paths.sh"
cd "$CHECKOUT" || exit 1

# How a tier says that it did not run: for a reason that CI must not have, or for one that it may.
CANNOT=77 MAY_NOT=78
# Each tier with its limit in seconds, and the one of --full. A busy machine may be five times slower than usual.
TIERS=(
    "format 120 120" "scripts 300 300" "dependencies 300 300" "builds 3000 3000"
    "unit 300 900" "gateway 300 1800" "upstream 120 120" "load 180 600" "clients 600 1200" "web 600 600" "fuzz 900 900"
    "cloud 300 300" "names 180 180" "nodes 600 600" "files 300 300" "waf 600 1200" "monitoring 600 600" "manifests 300 300"
    "edge 300 300" "stories 1200 7200" "crash 300 5400"
)
# Those that are content with the sources.
SOURCES_ONLY=" format scripts dependencies fuzz cloud nodes "
# Those whose nodes are containers.
CONTAINERS=" nodes files waf stories crash "

format() { cargo fmt --all --check; }

scripts() {
    command -v shellcheck >/dev/null || install shellcheck || { echo "shellcheck could not be installed"; return "$CANNOT"; }
    local files=(git ls-files -z --cached --others --exclude-standard --)
    "${files[@]}" '*.sh' .ci/run examples/lab/chat ':!src' | xargs -0 shellcheck --severity=warning || return
    # What a node's own shell is sent has no first line of its own.
    "${files[@]}" 'src/*.sh' | xargs -0 shellcheck --severity=warning --shell=sh || return
    python3 -B -m unittest discover -v -s tests/runner
}

# Building cargo-deny takes longer than all tests together, so it is used where it is and not missed where it is not.
dependencies() {
    cargo deny --version >/dev/null 2>&1 || { echo "no cargo-deny here; \`cargo install cargo-deny\` brings it"; return "$MAY_NOT"; }
    cargo deny --offline check bans licenses sources
}

# All programs and tests. Clippy is the compiler of the workspace's own crates, so that lints, whose warnings are errors,
# cost no second compilation; dependencies are the compiler's as ever. (Not by sh: dash drops variables with a hyphen in their
# name, such as CARGO_BIN_EXE_lab-upstream.) The gateway that nodes get is built beside them.
builds() {
    local code=0 gateway wrapper
    # A name of this checkout's own: cargo keeps what a wrapper compiled apart by the wrapper's path, so that checkouts share
    # dependencies and do not take each other's builds away.
    wrapper=$TARGET/clippy-as-rustc-$(cksum <<<"$CHECKOUT" | cut -d ' ' -f 1)
    export RUSTC_WORKSPACE_WRAPPER=$wrapper
    mkdir -p "$TARGET" && printf '#!/bin/bash\nexec clippy-driver "$@" -D warnings\n' >"$wrapper" && chmod +x "$wrapper" || return
    nice "$LAB/prepare.sh" gateway &
    gateway=$!
    cargo build --locked --release --workspace --all-targets --message-format=json-render-diagnostics >"$PROGRAMS" || code=1
    wait "$gateway" || code=1
    return "$code"
}

unit() {
    local name code=0
    # Those of `names` are left to it.
    rust dsline lib --skip dns::evaluate || code=1
    for name in $(test_targets); do
        case "$name" in
            lab | crash) ;;
            # It mostly waits for an SDK that tries again.
            cli) rust dsline "$name" --test-threads=6 || code=1 ;;
            *) rust dsline "$name" || code=1 ;;
        esac
    done
    return "$code"
}

# Tests that stand on a program which is not here leave themselves out; CI must have them all.
gateway() {
    local program
    for program in redis-server rsyslogd logrotate faketime; do
        command -v "$program" >/dev/null || install "${program/%rsyslogd/rsyslog}" || [ "${CI:-}" != true ] ||
            { echo "$program could not be installed"; return "$CANNOT"; }
    done
    rust dsline-gateway
}

upstream() { rust lab-upstream; }

# The load generator of the benches, and `dsline bench` against a gateway with the upstream emulator behind it.
load() {
    rust bench-load || return
    tests/bench/run.sh "$DSLINE" "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

# Real SDKs against the gateway, a Redis and the upstream emulator.
clients() {
    local program
    for program in redis-server curl node npm; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    tests/clients/run.sh "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

# The web example in a headless Chromium, against the same stage.
web() {
    local program
    for program in node npm ${FULL:+redis-server chromium}; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    tests/web/run.sh "$UPSTREAM" "$TARGET/release/dsline-gateway"
}

fuzz() { gateway/fuzz/run.sh; }

cloud() { python_tests cloud; }

# The lab's name server, and that it answers what dsline's own evaluator does; the proof says how many states it walked.
names() { python_tests dns && rust dsline lib --nocapture dns::evaluate; }

nodes() {
    python_tests nodes
}

# Every shipped profile's files, shown to the real daemons: a node's own where containers run, else this machine's.
files() {
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
    if has_containers; then
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
    for tool in nginx ${FULL:+prometheus prometheus-alertmanager prometheus-blackbox-exporter}; do
        command -v "$tool" >/dev/null || install "$tool" || { echo "$tool could not be installed"; return "$CANNOT"; }
    done
    python3 -B tests/monitoring/stage.py "$DSLINE" "$GATEWAY" "$UPSTREAM"
}

# What `export k8s` writes, against the schemas of Kubernetes; the gateway reads its own file.
manifests() {
    tests/manifests/run.sh "$DSLINE" "$GATEWAY"
}

# What `export edge` writes, in workerd.
edge() {
    tests/edge/run.sh "$DSLINE"
}

# Attacks and prompts against the rendered nginx with its rules; testssl.sh against its edges.
waf() {
    [ -z "$FULL" ] || command -v testssl >/dev/null || install testssl.sh || { echo "testssl.sh could not be installed"; return "$CANNOT"; }
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

# Whole lives of lines in the lab.
stories() {
    local program
    for program in ${FULL:+chromium node npm}; do
        command -v "$program" >/dev/null || install "${program/%node/nodejs}" || { echo "$program could not be installed"; return "$CANNOT"; }
    done
    "$LAB/services.sh" start && "$LAB/operator.sh" >/dev/null || return
    # The lab's faults and settings are everybody's, so one story is told at a time.
    # shellcheck disable=SC1091
    . "$STATE/env" && rust dsline lab --test-threads=1
}

# dsline killed at one request of each command, or at every one of them; each worker starts a lab of its own.
crash() { "$LAB/prepare.sh" python && DSLINE_GATEWAY=$GATEWAY rust dsline crash --test-threads=1; }

# ---- what the tiers are made of

# Runs a package's test programs as cargo would: all of them, or the one of that name (`lib`: the unit tests).
rust() {
    local package=$1 wanted=${2:-} words=("${@:3}") name program room code=0 seen=
    [ -z "$FULL" ] || words+=(--include-ignored)
    while IFS=$'\t' read -r name program room; do
        [ -z "$wanted" ] || [ "$wanted" = "$name" ] || continue
        seen=yes
        echo "     Running $name: $program${words[*]:+ ${words[*]}}"
        # A snapshot that differs fails, and writes nothing into the checkout.
        (cd "$room" && INSTA_UPDATE=no CARGO_MANIFEST_DIR=$room "$program" "${words[@]}" </dev/null) || code=1
    done < <(python3 -B tests/runner/programs.py "$PROGRAMS" "$package")
    [ -n "$seen" ] || { echo "no test program $package ${wanted}"; return 1; }
    return "$code"
}

python_tests() {
    "$LAB/prepare.sh" python || return
    (cd "$LAB" && "$PYTHON" -m unittest discover -v -t . -s "$1")
}

# Integration tests of dsline by name: tests/x.rs and tests/x/main.rs.
test_targets() {
    find tests -maxdepth 2 \( -path 'tests/*/main.rs' -o -path 'tests/*.rs' ! -path 'tests/*/*' \) -printf '%P\n' |
        sed 's#/main\.rs$##; s#\.rs$##' | sort
}

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >"$LOGS/install" 2>&1 ||
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >"$LOGS/install" 2>&1
}

# ---- the run

has_containers() { [ ! -s "$LOGS/no-containers" ]; }

# Whether containers run is found out once, by running one; what is to be made for them is made while cargo builds.
try_containers() {
    "$LAB/prepare.sh" check python engine images containers >"$LOGS/machine" 2>&1 ||
        echo "containers cannot run here: $(tail -n 1 "$LOGS/machine")" >"$LOGS/no-containers"
}

run_tier() {
    local name=$1 limit=$2
    [ -z "$FULL" ] || limit=$3
    printf '\n== %s\n' "$name"
    RESULTS+=("$LOGS/$name.json")
    python3 -B tests/runner/tier.py "$name" "$limit" "$LOGS/$name.json" -- bash "$HERE/run.sh" --inside "$name"
}

# A tier in a process group of its own, which can be ended as a whole.
inside() {
    # Files can be shown to this machine's own daemons, too.
    if is_among "$1" "$CONTAINERS" && [ "$1" != files ] && ! has_containers; then
        cat "$LOGS/no-containers"
        return "$CANNOT"
    fi
    "$1"
}

prepare() {
    command -v cargo >/dev/null || { "$LAB/prepare.sh" check; exit 1; }
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then "$LAB/prepare.sh" packages || exit 1; fi
    # Without root the state folder cannot be written; Python's tests need none that outlives them.
    mkdir -p "$STATE" 2>/dev/null && [ -w "$STATE" ] && return
    export DSLINE_LAB_STATE=$LOGS/state
    mkdir "$DSLINE_LAB_STATE"
    . "$LAB/paths.sh"
}

# A tree with changes of its own is no commit.
commit() { [ -z "$(git status --porcelain 2>/dev/null)" ] && git rev-parse HEAD 2>/dev/null; }

was_green() {
    local head
    head=$(commit) || { echo "this tree is no commit: something is changed"; return 1; }
    [ "$(cat "$STATE/green" 2>/dev/null)" = "$head" ] || { echo "$head has not been seen green here"; return 1; }
    echo "$head was green"
}

main() {
    local chosen=() entry name limit full machine='' had_lab=yes had_engine=yes code=0 head
    RESULTS=() FULL=
    for entry in "$@"; do
        case "$entry" in
            --full) FULL=yes ;;
            --list) printf '%s\n' "${TIERS[@]%% *}"; exit 0 ;;
            --was-green) was_green; exit ;;
            *) printf '%s\n' "${TIERS[@]%% *}" | grep -qx -- "$entry" || fail "no tier '$entry'; there are: ${TIERS[*]%% *}"; chosen+=("$entry") ;;
        esac
    done
    LOGS=$(mktemp -d)
    PROGRAMS=$LOGS/programs.json
    export LOGS PROGRAMS FULL DSLINE_TESTS_FULL=$FULL
    # Generated cases are the same ones each time, so that a red run is about the change; --full goes for new and more.
    if [ -n "$FULL" ]; then export PROPTEST_CASES=700; else export PROPTEST_RNG_SEED=1; fi
    trap 'rm -rf "$LOGS"' EXIT
    prepare
    head=$(commit)
    "$LAB/services.sh" status >/dev/null 2>&1 || had_lab=
    docker version >/dev/null 2>&1 || had_engine=
    if needs "$CONTAINERS"; then try_containers & machine=$!; fi
    for entry in "${TIERS[@]}"; do
        read -r name limit full <<<"$entry"
        is_wanted "$name" || continue
        if [ -n "$machine" ] && is_among "$name" "$CONTAINERS"; then wait "$machine"; machine=; fi
        run_tier "$name" "$limit" "$full" || [ "$name" != builds ] || { echo "!! nothing else can be tried"; break; }
    done
    [ -z "$machine" ] || wait "$machine"
    [ -n "$had_lab" ] || "$LAB/services.sh" stop >/dev/null 2>&1
    [ -n "$had_engine" ] || "$LAB/nodes/engine.sh" stop >/dev/null 2>&1
    python3 -B tests/runner/summary.py "${RESULTS[@]}" || code=1
    if has_containers; then :; else printf '!! %s\n' "$(cat "$LOGS/no-containers")"; fi
    if [ "$code" = 0 ] && [ "${#chosen[@]}" = 0 ] && [ -n "$head" ]; then
        echo "$head" >"$STATE/green"
        echo "green: $head (written to $STATE/green)"
    fi
    return "$code"
}

# Whether a tier is to run: all without a choice; what is chosen needs the builds, unless the sources are enough for it.
is_wanted() {
    local tier
    [ "${#chosen[@]}" -gt 0 ] || return 0
    for tier in "${chosen[@]}"; do
        [ "$tier" != "$1" ] || return 0
        [ "$1" != builds ] || is_among "$tier" "$SOURCES_ONLY" || return 0
    done
    return 1
}

# Whether some tier of a list is to run.
needs() {
    local tier
    for tier in $1; do ! is_wanted "$tier" || return 0; done
    return 1
}

is_among() { case "$2" in *" $1 "*) ;; *) return 1 ;; esac; }

if [ "${1:-}" = --inside ]; then inside "$2"; else main "$@"; fi
