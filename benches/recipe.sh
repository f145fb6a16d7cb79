#!/usr/bin/env bash
# Repeats the recipe's test on a line in the lab: 1000 users, with the cache, without it, and straight at the upstream.
#
#   recipe.sh [--seconds N] [--repeated PERCENT] [--prompts N] [--plot FILE]
#
# Needs a lab that runs (examples/lab/up.sh, or its services.sh and operator.sh). The upstream is an emulator of its own with
# the recipe's figures; the line `recipe` is made in one region and removed again at the end.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=examples/lab/paths.sh
. "$HERE/../examples/lab/paths.sh"
SECONDS_EACH=600 REPEATED=98 PROMPTS=200 PLOT=
PORT=9191

while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) SECONDS_EACH=$2 ;;
        --repeated) REPEATED=$2 ;;
        --prompts) PROMPTS=$2 ;;
        --plot) PLOT=$2 ;;
        *) fail "unknown flag '$1'; known: --seconds --repeated --prompts --plot" ;;
    esac
    shift 2
done
# shellcheck disable=SC1091
. "$STATE/env"

WORK=$(mktemp -d)
cp "$OPERATOR/upstream.key" "$WORK/upstream.key"
# 2.3 s at the 99th percentile and 12.7 % of errors are the recipe's own figures of its upstream.
"$UPSTREAM" --listen "127.0.0.1:$PORT" --listen "$BRIDGE:$PORT" --key-file "$WORK/upstream.key" \
    --latency-ms 200 --latency-p99-ms 2300 --error-rate 0.127 >"$WORK/upstream.log" &
EMULATOR=$!
export DSLINE_PROFILE=$WORK/recipe.toml
finish() {
    "$DSLINE" teardown --yes --force --quiet >/dev/null || say "the line \`recipe\` is not gone"
    kill "$EMULATOR"
    rm -rf "$WORK"
}

# All users share one key and one address, so limits are lifted: they would be what is measured.
cat >"$DSLINE_PROFILE" <<TOML
name = "recipe"
regions = ["us-west-2"]
[ssh]
identity = "$OPERATOR/id_ed25519"
allow = ["$BRIDGE/32"]
address_service = ""
[upstream]
base_url = "http://$BRIDGE:$PORT"
key = { env = "DEEPSEEK_API_KEY" }
[quota]
requests_per_minute = 0
address_requests_per_minute = 0
streams = 0
account_permits = 2000
[nginx]
requests_per_second = 100000
burst = 100000
connections = 5000
TOML
[ -s "$XDG_CONFIG_HOME/dsline/recipe.secret" ] || "$DSLINE" init --yes --quiet --name recipe --out "$WORK/any.toml" >/dev/null
trap finish EXIT
"$DSLINE" up --yes --quiet >/dev/null
ADDRESS=$("$DSLINE" status --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["nodes"][0]["address"])')
"$DSLINE" bench --scenario recipe --duration "$SECONDS_EACH" --repeated "$REPEATED" --prompts "$PROMPTS" --address "$ADDRESS" \
    --beside "http://127.0.0.1:$PORT/v1" --beside-token-file "$WORK/upstream.key" ${PLOT:+--plot "$PLOT"}
