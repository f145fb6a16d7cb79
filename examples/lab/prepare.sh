#!/usr/bin/env bash
# Brings a Debian machine to where the lab can run; what is there already is left alone, so a second run takes a second.
#
#   prepare.sh [PART...]   in the order given; without a word all of them, what machines need beside what cargo builds:
#     check        say what is missing that this script cannot install
#     packages     Debian packages
#     python       the lab's own Python environment
#     engine       a Docker engine, and the lab's network on it
#     images       the images that nodes boot from
#     containers   prove that a container can run here
#     gateway      the static gateway, as nodes get it
#     build        the gateway, and beside it dsline and the upstream's emulator
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

# gcc and libc6-dev also link the static gateway; libssl-dev and pkg-config are for libssh2.
PACKAGES=(ca-certificates curl debootstrap gcc iproute2 iptables libc6-dev libssl-dev make openssh-client pebble pkg-config procps
    python3 python3-venv rsyslog-relp util-linux)

# Runs something long with its output in a log file, whose end is shown when it fails.
logged() {
    local log=$STATE/$1.log; shift
    mkdir -p "$STATE"
    "$@" >"$log" 2>&1 || fail "\`$*\` failed; the end of $log:"$'\n'"$(tail -n 8 "$log")"
}

# All that is missing is told at once: nobody likes to find the second trouble after mending the first.
check() {
    local missing=() wanted
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$CHECKOUT/Cargo.toml" | head -n 1)
    [ "$(uname -sm)" = "Linux x86_64" ] || missing+=("Linux on x86_64; this is $(uname -sm)")
    command -v apt-get >/dev/null || missing+=("Debian: there is no apt-get here")
    [ "$(id -u)" = 0 ] || missing+=("root: nodes are containers that boot systemd. Run this again as root, or with sudo")
    if ! command -v cargo >/dev/null; then
        missing+=("Rust $wanted or newer: there is no cargo on the PATH. Install it from https://rustup.rs")
    elif ! at_least "$wanted" "$(cargo --version | cut -d' ' -f2)"; then
        missing+=("Rust $wanted or newer: this is $(cargo --version). \`rustup update\` brings it")
    fi
    if [ "${#missing[@]}" -gt 0 ]; then
        say "this machine lacks:"
        printf '  - %s\n' "${missing[@]}" >&2
        exit 1
    fi
    local memory
    memory=$(awk '/^MemTotal|^SwapTotal/ { sum += $2 } END { print int(sum / 1048576) }' /proc/meminfo)
    [ "$memory" -ge 7 ] || say "remark: $memory GiB of memory and swap; compiling the EC2 client takes about 7 GiB and may be killed"
}

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

packages() {
    local absent=() name
    for name in "${PACKAGES[@]}"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || absent+=("$name")
    done
    [ "${#absent[@]}" -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || fail "only root can install ${absent[*]}"
    say "installing ${absent[*]}"
    logged apt-update apt-get update -q
    DEBIAN_FRONTEND=noninteractive logged apt-install apt-get install -qy --no-install-recommends "${absent[@]}"
}

python() {
    local stamp=$VENV/requirements.sha256
    (cd "$LAB" && sha256sum --check --status "$stamp" 2>/dev/null) && return 0
    say "making the lab's Python environment in $VENV"
    rm -rf "$VENV"
    logged venv python3 -m venv "$VENV"
    logged pip "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$LAB/requirements.txt"
    (cd "$LAB" && sha256sum requirements.txt) >"$stamp"
}

engine() { "$LAB/nodes/engine.sh" start; }

images() { "$LAB/nodes/image.sh" build >/dev/null; }

containers() {
    local tag told
    tag=$("$LAB/nodes/image.sh" tags | sed -n 's/^light=//p')
    told=$(docker run --rm --network none --entrypoint /bin/true "$tag" 2>&1) ||
        fail "containers cannot run on this machine: $(tail -n 1 <<<"$told")"
}

# Optimised as a whole; a profile and a target folder of its own, so cargo builds it beside the others.
gateway() {
    (
        cd "$CHECKOUT"
        RUSTFLAGS="-C target-feature=+crt-static" \
            cargo build --locked --profile gateway --target x86_64-unknown-linux-gnu -p dsline-gateway
    ) >&2
}

# The workspace's programs all at once, as the tests are built: other words would give dependencies other features, and the
# EC2 client, one crate that keeps one core busy for six minutes and more, would be compiled for each of them.
programs() { (cd "$CHECKOUT" && cargo build --locked --release --workspace --bins) >&2; }

build() {
    say "building dsline, the upstream's emulator and the gateway in $TARGET (about twenty minutes on two cores when nothing is built)"
    local beside teller code=0
    # What leads to the EC2 client comes first.
    nice "${BASH_SOURCE[0]}" gateway & beside=$!
    tell_progress "$SECONDS" & teller=$!
    programs || code=1
    wait "$beside" || code=1
    kill "$teller"
    return "$code"
}

# A minute without a line looks like a standstill.
tell_progress() {
    local crates nothing
    exec {nothing}<> <(:)
    # As a program, `sleep` would outlive its shell.
    until read -rt 60 -u "$nothing"; do
        crates=$(ps -eo args= | sed -n 's/.*rustc .*--crate-name \([^ ]*\) .*/\1/p' | sort -u | paste -sd ' ')
        say "building for $(((SECONDS - $1) / 60)) min; being compiled: ${crates:-nothing}"
    done
}

machine() { python; engine; images; containers; }

# What comes from the network, and what keeps one core busy, side by side.
everything() {
    local pid code=0
    check
    packages
    machine & pid=$!
    build || code=1
    wait "$pid" || code=1
    return "$code"
}

[ "$#" -gt 0 ] || set -- everything
for part in "$@"; do
    case "$part" in
        check | packages | python | engine | images | containers | gateway | build | everything) "$part" ;;
        *) fail "unknown part '$part'; known: check, packages, python, engine, images, containers, gateway, build" ;;
    esac
done
