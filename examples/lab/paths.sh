# shellcheck shell=bash disable=SC2034
# Where the lab's parts lie and how they are reached; sourced by the lab's other scripts.

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=$(cd "$LAB/../.." && pwd)
export DSLINE_LAB_STATE="${DSLINE_LAB_STATE:-/var/lib/dsline-lab}"
STATE=$DSLINE_LAB_STATE
# Python with the lab's requirements; not the machine's own, which stays as it is.
VENV=$STATE/venv
PYTHON=$VENV/bin/python
# What the lab's user has: AWS configuration, SSH key, line secret, a copy of the profile.
OPERATOR=$STATE/operator

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-$CHECKOUT/target}")
export CARGO_TARGET_DIR=$TARGET
DSLINE=$TARGET/release/dsline
UPSTREAM=$TARGET/release/lab-upstream
GATEWAY=$TARGET/x86_64-unknown-linux-gnu/gateway/dsline-gateway

# This machine as the nodes see it.
BRIDGE=198.18.0.1
CLOUD_PORT=5566
DNS_PORT=5354
UPSTREAM_PORT=9090
export DSLINE_LAB_URL="${DSLINE_LAB_URL:-http://127.0.0.1:$CLOUD_PORT}"
ZONE=example.test

# Says what happens, and which script says it.
say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
fail() { say "$*"; exit 1; }

# A pid file's process, if it still runs and its command line contains some words: pids are used again.
running() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2" || return 1
    echo "$pid"
}
