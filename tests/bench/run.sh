#!/usr/bin/env bash
# Lets `dsline bench` ask a real gateway, and the upstream emulator beside it, for three seconds a side.
#
#   run.sh DSLINE UPSTREAM GATEWAY   the three programs
set -euo pipefail
DSLINE=$1 UPSTREAM=$2 GATEWAY=$3
WORK=$(mktemp -d)
PIDS=()
finish() {
    [ "${#PIDS[@]}" -eq 0 ] || kill "${PIDS[@]}" 2>/dev/null || true
    wait
    rm -rf "$WORK"
}
trap finish EXIT

# The address that the program with this log listens at.
address() {
    local found
    for _ in $(seq 600); do
        found=$(grep -oE "$2 [0-9.]+:[0-9]+" "$1" | head -n 1) && break
        sleep 0.1
    done
    echo "${found##* }"
}

"$UPSTREAM" --listen 127.0.0.1:0 --latency-ms 100 --latency-p99-ms 200 >"$WORK/upstream.log" &
PIDS+=($!)
UPSTREAM_AT=$(address "$WORK/upstream.log" on)
echo sk-upstream >"$WORK/upstream_key"
for user in 1 2 3 4; do
    echo "sk-user-$user"
    printf 'sha256:%s name=user%s\n' "$(printf %s "sk-user-$user" | sha256sum | cut -d ' ' -f 1)" "$user" >&3
done >"$WORK/tokens" 3>"$WORK/client_keys"
cat >"$WORK/gateway.toml" <<TOML
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
node = "here/1"
line = "bench"
[upstream]
base_url = "http://$UPSTREAM_AT"
key_file = "$WORK/upstream_key"
[keys]
file = "$WORK/client_keys"
[quota]
requests_per_minute = 1000000
address_requests_per_minute = 1000000
tokens_per_minute = 100000000
TOML
"$GATEWAY" --config "$WORK/gateway.toml" >"$WORK/gateway.log" &
PIDS+=($!)
GATEWAY_AT=$(address "$WORK/gateway.log" clients)

for how in "--think 0.1" "--rate 100 --stream"; do
    # shellcheck disable=SC2086 # two flags in one word
    "$DSLINE" bench --json --url "http://$GATEWAY_AT/v1" --token-file "$WORK/tokens" --cache both \
        --beside "http://$UPSTREAM_AT/v1" --beside-token-file "$WORK/upstream_key" \
        --users 20 --ramp 1 --duration 3 --repeated 80 --prompts 20 $how --plot "$WORK/bench.svg" >"$WORK/report.json"
    python3 - "$WORK/report.json" <<'PY'
import json, sys
line, uncached, beside = json.load(open(sys.argv[1]))["sides"]
for side in (line, uncached, beside):
    assert side["requests"] > 100 and side["error_share"] == 0, side
assert line["hit_share"] + line["merged_share"] > 0.5, line
assert uncached["hit_share"] == beside["hit_share"] == 0, (uncached, beside)
assert line["whole_ms"][0] < beside["whole_ms"][0], (line, beside)
PY
    grep -q "</svg>" "$WORK/bench.svg"
    echo "bench $how: the line is quicker than what is behind it"
done
