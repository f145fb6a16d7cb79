#!/usr/bin/env bash
# Finds how many requests a second one node holds: the line's own files on a lab node with 1 CPU and 1 GB, TLS in front.
#
#   node.sh [--cpus "1 0.2"] [--seconds N] [--limit-ms N] [--most N]
#
# Needs root, Docker (examples/lab/nodes/engine.sh) and the lab's node image (image.sh); builds dsline unless
# $DSLINE_BENCH_BIN names a folder with dsline, dsline-gateway (static), lab-upstream and bench-load.
# One container, one upstream on the lab's bridge, one temporary folder: all of them end with this script.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
LAB="$ROOT/examples/lab"
CPUS="1 0.2" SECONDS_EACH=6 LIMIT_MS=100 MOST=8000
MEMORY_MIB=1024 CONNECTIONS=64 PROMPTS=200 REPEATED=70
BRIDGE=198.18.0.1 ADDRESS=198.18.250.10 UPSTREAM_PORT=19200
# A billion calls a day on three nodes.
GOAL=3858
NODE="dsline-bench-$$"

say() { printf 'node.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
    case "$1" in
        --cpus) CPUS=$2 ;;
        --seconds) SECONDS_EACH=$2 ;;
        --limit-ms) LIMIT_MS=$2 ;;
        --most) MOST=$2 ;;
        *) fail "unknown flag '$1'; known: --cpus --seconds --limit-ms --most" ;;
    esac
    shift 2
done
[ "$(id -u)" = 0 ] || fail "only root can run a node"
for tool in docker openssl curl python3 ssh-keygen; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
export no_proxy='*' NO_PROXY='*'

WORK=$(mktemp -d "${TMPDIR:-/tmp}/dsline-node-bench.XXXXXX")
PIN=no
# shellcheck source=benches/build.sh
. "$HERE/build.sh"
# shellcheck source=benches/processes.sh
. "$HERE/processes.sh"
# shellcheck source=benches/node_layout.sh
. "$HERE/node_layout.sh"
finish() {
    docker rm --force --volumes "$NODE" >/dev/null 2>&1 || true
    end_all
    rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

value() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$@"; }
load() {
    timeout 120 "$LOAD" steady --url "https://$ADDRESS:443/v1/chat/completions" --ca "$WORK/ca.pem" --header "authorization: Bearer $CLIENT_KEY" \
        --body "$WORK/question.json" --connections "$CONNECTIONS" --prompts "$PROMPTS" "$@"
}

# holds RATE: whether it answers all, at that rate, below the limit; the figures are kept in $WORK/last.json.
holds() {
    load --rate "$1" --seconds "$SECONDS_EACH" --repeated "$REPEATED" >"$WORK/last.json" || fail "the load could not be made"
    python3 - "$WORK/last.json" "$1" "$LIMIT_MS" <<'PY'
import json, sys
seen = json.load(open(sys.argv[1]))
asked, limit = float(sys.argv[2]), float(sys.argv[3]) * 1000
good = seen["failed"] == 0 and seen["p99"] < limit and seen["rate"] > 0.95 * asked
print(f"  {asked:6.0f}/s: {seen['rate']:7.1f} answered a second, p50 {seen['p50'] / 1000:.2f} ms, p99 {seen['p99'] / 1000:.1f} ms, "
      f"{seen['failed']} failed {seen['statuses'] if seen['failed'] else ''}", file=sys.stderr)
sys.exit(0 if good else 1)
PY
}

# Doubles until it does not hold, then halves the gap; the last rate that held is asked for again.
search() {
    local low=0 high=50
    while [ "$high" -le "$MOST" ] && holds "$high"; do low=$high high=$((high * 2)); done
    while [ $((high - low)) -gt $((low / 10 + 5)) ]; do
        local middle=$(((low + high) / 2))
        if holds "$middle"; then low=$middle; else high=$middle; fi
        # A node that was asked too much has its cores' credit of the next moments spent.
        sleep 1
    done
    HELD=$low
}

measure() {
    local cpus=$1 held again before figures
    docker update --cpus "$cpus" "$NODE" >/dev/null
    sleep 2
    load --rate 50 --seconds 4 --repeated 100 >/dev/null || true
    reset_peak
    say "$cpus CPU:"
    search
    held=$HELD again=no
    before=$(cpu_of_node)
    if [ "$held" -gt 0 ] && holds "$held"; then again=yes; fi
    figures=$(cat "$WORK/last.json")
    printf '| %s | %s | %s | %.1f | %.1f | %.0f | %s | %s | %s | %.2f |\n' "$cpus" "$held" "$again" \
        "$(awk -v us="$(value "$figures" p50)" 'BEGIN { print us / 1000 }')" "$(awk -v us="$(value "$figures" p99)" 'BEGIN { print us / 1000 }')" \
        "$(awk -v ns=$(($(cpu_of_node) - before)) -v n="$(value "$figures" answered)" 'BEGIN { print ns / 1000 / (n + 1) }')" \
        "$(peak_of_node)" "$(peak_of_gateway)" "$(oom_kills)" "$(awk -v held="$held" -v goal=$GOAL 'BEGIN { print held / goal }')" >>"$WORK/table"
}

build dsline lab-upstream bench-load
[ -x "$DSLINE" ] || fail "there is no $DSLINE"
bash "$LAB/nodes/engine.sh" start
IMAGE=$(bash "$LAB/nodes/image.sh" | sed -n 's/^node=//p')
start_upstream
start_node
lay_out
wait_for_node
prove_limits
for cpus in $CPUS; do measure "$cpus"; done
{
    echo "| CPUs | requests/s held | held again | p50 ms | p99 ms | node's CPU µs per request | peak of the node, MB | peak of the gateway, MB | OOM kills | of 3,900/s |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    cat "$WORK/table"
}
echo
echo "$REPEATED % of the prompts repeated ($PROMPTS different ones), $CONNECTIONS TLS connections, limit p99 < $LIMIT_MS ms; load average now $(cut -d' ' -f1 /proc/loadavg)."
