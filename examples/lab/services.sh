#!/usr/bin/env bash
# Starts and stops what stands for the outside world: the cloud with its name server, and the upstream.
#
#   services.sh start    start what does not run yet, and wait until it answers
#   services.sh stop     end both, by the pid files that `start` wrote; the cloud removes its nodes
#   services.sh status   exit 0 if both run
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

# How their command lines are known again.
CLOUD_WORDS="-m cloud --port $CLOUD_PORT"
UPSTREAM_WORDS="lab-upstream --listen 127.0.0.1:$UPSTREAM_PORT"

cloud_answers() { curl -fsS --noproxy '*' --max-time 2 "http://127.0.0.1:$CLOUD_PORT/_lab/health" >/dev/null 2>&1; }
upstream_answers() { curl -fsS --noproxy '*' --max-time 2 "http://$BRIDGE:$UPSTREAM_PORT/_lab/stats" >/dev/null 2>&1; }

# Starts a program in the background, with its output in a log, and waits until it answers.
launch() {
    local name=$1 is_ready=$2 pid; shift 2
    setsid nohup "$@" >"$STATE/$name.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$STATE/$name.pid"
    for _ in $(seq 300); do
        if "$is_ready"; then say "$name runs ($pid, log $STATE/$name.log)"; return 0; fi
        kill -0 "$pid" 2>/dev/null || fail "the $name ended at once; the end of its log: $(tail -n 4 "$STATE/$name.log")"
        sleep 0.1
    done
    fail "the $name did not answer within 30 s; see $STATE/$name.log"
}

start_cloud() {
    ! is_up cloud "$CLOUD_WORDS" cloud_answers 2>/dev/null || return 0
    ! cloud_answers || fail "something else answers on port $CLOUD_PORT; another lab? Stop it first"
    cd "$LAB"
    launch cloud cloud_answers env PYTHONPATH="$LAB" "$PYTHON" -m cloud --port "$CLOUD_PORT" --dns-port "$DNS_PORT" \
        --node-kind full --state "$STATE" --time-factor 10
}

# The emulator takes no key but this one, so an answered chat proves that the key reached the node.
start_upstream() {
    ! is_up upstream "$UPSTREAM_WORDS" upstream_answers 2>/dev/null || return 0
    ! upstream_answers || fail "something else answers on port $UPSTREAM_PORT; another lab? Stop it first"
    make_upstream_key
    launch upstream upstream_answers "$UPSTREAM" --listen "127.0.0.1:$UPSTREAM_PORT" --listen "$BRIDGE:$UPSTREAM_PORT" \
        --key-file "$OPERATOR/upstream.key"
}

make_upstream_key() {
    [ ! -s "$OPERATOR/upstream.key" ] || return 0
    install -d -m 700 "$OPERATOR"
    (umask 077 && printf 'lab-%s\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >"$OPERATOR/upstream.key")
}

end() {
    local name=$1 words=$2 pid
    pid=$(running "$STATE/$name.pid" "$words") || { say "no $name of ours is running"; return 0; }
    kill "$pid"
    # The cloud removes its nodes first.
    for _ in $(seq 600); do
        if [ ! -d "/proc/$pid" ]; then rm -f "$STATE/$name.pid"; say "$name ($pid) ended"; return 0; fi
        sleep 0.1
    done
    fail "the $name ($pid) did not end within 60 s; see $STATE/$name.log"
}

status() {
    is_up cloud "$CLOUD_WORDS" cloud_answers && is_up upstream "$UPSTREAM_WORDS" upstream_answers || return 1
    say "cloud and upstream run"
}

is_up() {
    if ! running "$STATE/$1.pid" "$2" >/dev/null || ! "$3"; then say "the $1 does not run"; return 1; fi
}

mkdir -p "$STATE" 2>/dev/null || fail "cannot write the state folder $STATE; run as root or set DSLINE_LAB_STATE"
case "${1:-start}" in
    start) start_cloud; start_upstream ;;
    stop) end upstream "$UPSTREAM_WORDS"; end cloud "$CLOUD_WORDS" ;;
    status) status ;;
    *) fail "unknown word '$1'; known: start, stop, status" ;;
esac
