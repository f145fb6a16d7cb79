#!/usr/bin/env bash
# Measures the gateway beside nginx, Portkey, LiteLLM and the bare upstream emulator, and prints a table.
#
#   gateway.sh [--rounds N] [--seconds N] [--streams N] [--only NAMES] [--without-peers] [--remove-peers] [--no-pin]
#
# Everything listens on 127.0.0.1, lives in one temporary folder and ends with this script. Peers are installed into
# $DSLINE_BENCH_CACHE [~/.cache/dsline-bench] and kept there for the next time unless --remove-peers is given.
# It builds the gateway unless $DSLINE_BENCH_BIN names a folder with dsline-gateway, lab-upstream and bench-load.
# Results: the table on stdout, every single figure in $DSLINE_BENCH_CACHE/gateway.tsv.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
CACHE="${DSLINE_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dsline-bench}"
ALL="direct nginx portkey litellm ours-miss ours-near ours-redis ours-merged"
ROUNDS=3 SECONDS_EACH=5 STREAMS=1000 ONLY="$ALL" PEERS=yes REMOVE=no PIN=yes

say() { printf 'gateway.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
    case "$1" in
        --rounds) ROUNDS=$2; shift ;;
        --seconds) SECONDS_EACH=$2; shift ;;
        --streams) STREAMS=$2; shift ;;
        --only) ONLY=${2//,/ }; shift ;;
        --without-peers) PEERS=no ;;
        --remove-peers) REMOVE=yes ;;
        --no-pin) PIN=no ;;
        *) fail "unknown flag '$1'; known: --rounds --seconds --streams --only --without-peers --remove-peers --no-pin" ;;
    esac
    shift
done

for name in $ONLY; do
    case " $ALL " in *" $name "*) ;; *) fail "no contender is called '$name'; there are: $ALL" ;; esac
done
for tool in cargo wrk curl nginx redis-server python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install wrk curl nginx redis-server python3, and Rust"
done
export no_proxy='*' NO_PROXY='*'
ulimit -n 8192 2>/dev/null || true

mkdir -p "$CACHE"
exec 9>"$CACHE/lock"
flock -n 9 || fail "another bench is running on this machine"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/dsline-bench.XXXXXX")
# shellcheck source=benches/build.sh
. "$HERE/build.sh"
# shellcheck source=benches/processes.sh
. "$HERE/processes.sh"
# shellcheck source=benches/contenders.sh
. "$HERE/contenders.sh"
finish() {
    end_all
    rm -rf "$WORK"
    if [ "$REMOVE" = yes ]; then rm -rf "$CACHE/portkey" "$CACHE/litellm"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

# note ROUND CONTENDER MEASURE VALUE
note() { [ -z "$4" ] || printf '%s\t%s\t%s\t%s\n' "$@" >>"$FIGURES"; }
knobs() { curl -fsS --max-time 5 -d "$1" "$UPSTREAM_URL/_lab/knobs" >/dev/null; }
# value JSON NAME
value() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$@"; }

headers() { printf '%s\n' "authorization: Bearer $CLIENT_KEY" "${EXTRA_HEADERS[@]}"; }
load() {
    local word=$1; shift
    local flags=()
    while IFS= read -r line; do flags+=(--header "$line"); done < <(headers)
    timeout 120 "${BESIDE[@]}" "$LOAD" "$word" --url "http://127.0.0.1:$PORT/v1/chat/completions" "${flags[@]}" "$@" 2>>"$WORK/load.log"
}

# flood ROUND NAME CONNECTIONS: as much as it can take; the CPU time of the contender's processes beside it.
flood() {
    local before after told requests upstream
    upstream=$(upstream_requests)
    before=$(cpu_us "$PID")
    told=$(timeout 120 "${BESIDE[@]}" wrk -t1 -c"$3" -d"${SECONDS_EACH}s" --timeout 10s --latency -s "$WORK/ask.lua" \
        "http://127.0.0.1:$PORT/v1/chat/completions")
    after=$(cpu_us "$PID")
    requests=$(awk '/requests in/ { print $1 }' <<<"$told")
    [ "${requests:-0}" -gt 0 ] || { say "$2 answered nothing at $3 connections"; return 0; }
    note "$1" "$2" "rps_$3" "$(awk '/Requests\/sec/ { print $2 }' <<<"$told")"
    note "$1" "$2" "bad_$3" "$(awk '/Non-2xx/ { bad = $NF } /Socket errors/ { gsub(",", ""); bad += $4 + $6 + $8 + $10 } END { print bad + 0 }' <<<"$told")"
    note "$1" "$2" "cpu_$3" "$(awk -v us=$((after - before)) -v n="$requests" 'BEGIN { printf "%.1f", us / n }')"
    note "$1" "$2" "asked_$3" "$(awk -v up=$(($(upstream_requests) - upstream)) -v n="$requests" 'BEGIN { printf "%.4f", up / n }')"
}

# calm ROUND NAME: a fixed rate, open loop; a contender that cannot hold it is asked at half of what it can.
calm() {
    local rate told
    rate=$(awk -v round="$1" -v name="$2" '$1 == round && $2 == name && $3 == "rps_16" { print ($4 > 1200) ? 1000 : int($4 / 2) + 1 }' "$FIGURES")
    rate=${rate:-10}
    told=$(load steady --body "$WORK/question.json" --rate "$rate" --seconds "$SECONDS_EACH") || { say "$2: no calm figures"; return 0; }
    note "$1" "$2" rate "$rate"
    note "$1" "$2" bad "$(value "$told" failed)"
    [ "$(value "$told" answered)" -gt 0 ] || return 0
    note "$1" "$2" p50 "$(value "$told" p50)"
    note "$1" "$2" p99 "$(value "$told" p99)"
    [ "$rate" -le 200 ] || rate=200
    told=$(load steady --body "$WORK/stream.json" --rate "$rate" --seconds "$SECONDS_EACH") && [ "$(value "$told" answered)" -gt 0 ] || return 0
    note "$1" "$2" first_p50 "$(value "$told" first_p50)"
    note "$1" "$2" first_p99 "$(value "$told" first_p99)"
}

# crowd ROUND NAME: memory while so many streams are open, each with a token a second.
crowd() {
    local pid told
    knobs '{"per_token_ms": 1000, "tokens": 120}'
    : >"$WORK/load.log"
    load hold --body "$WORK/crowd.json" --connections "$STREAMS" --repeated 0 --seconds 4 >"$WORK/hold.json" &
    pid=$!
    for _ in $(seq 600); do
        ! grep -q '^held' "$WORK/load.log" || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    sleep 2
    note "$1" "$2" rss_streams "$(rss_kb "$PID")"
    wait "$pid" || true
    told=$(cat "$WORK/hold.json")
    if [ -n "$told" ]; then note "$1" "$2" streams "$(value "$told" open_at_end)"; else say "$2: did not hold $STREAMS streams: $(tail -n1 "$WORK/load.log")"; fi
    knobs '{"per_token_ms": 0, "tokens": 16}'
}

measure() {
    local round=$1 name=$2
    "start_${name//-/_}" || { say "$name is skipped"; return 0; }
    ask_script
    if ! wait_ready; then say "$name did not get ready and is skipped: $(tail -n 2 "$WORK/$name.log" 2>/dev/null)"; end "$PID"; return 0; fi
    sleep 1
    note "$round" "$name" rss_idle "$(rss_kb "$PID")"
    timeout 20 "${BESIDE[@]}" wrk -t1 -c16 -d1s -s "$WORK/ask.lua" "http://127.0.0.1:$PORT/v1/chat/completions" >/dev/null
    flood "$round" "$name" 16
    flood "$round" "$name" 256
    calm "$round" "$name"
    if [ "$name" != direct ] && { [ "$name" != litellm ] || [ "$round" = 1 ]; }; then crowd "$round" "$name"; fi
    note "$round" "$name" load1 "$(cut -d' ' -f1 /proc/loadavg)"
    if [ "$name" != direct ]; then end "$PID"; fi
}

build lab-upstream bench-load
[ "$PEERS" = no ] || install_peers
FIGURES="$CACHE/gateway.tsv"
: >"$FIGURES"
choose_cores
write_questions
start_upstream
case " $ONLY " in *" ours-redis "*) start_redis ;; esac
for round in $(seq "$ROUNDS"); do
    # The bare upstream before and after the rest, which come in another order each time: what drifts shows.
    for name in $(tr ' ' '\n' <<<"$ONLY" | grep -v '^direct$' | shuf | sed '1i direct'); do
        say "round $round of $ROUNDS: $name (load $(cut -d' ' -f1 /proc/loadavg))"
        measure "$round" "$name"
    done
    measure "$round.5" direct
done
note 0 ours-miss binary "$(stat -Lc %s "$GATEWAY")"
python3 "$HERE/table.py" "$FIGURES"
