#!/usr/bin/env bash
# Makes sure that a Docker engine answers and that the lab's network is on it; ends only an engine that it started.
#
#   engine.sh [start]   use the running engine, or install docker.io and start dockerd by hand; make the network
#   engine.sh stop      remove the network, and end dockerd if the pid file says that this script started it
#   engine.sh status    say which engine answers
#
# No systemd is assumed: in a bare VM or a CI container nobody else would start dockerd.
set -euo pipefail

STATE="${DSLINE_LAB_STATE:-/var/lib/dsline-lab}"
PID_FILE="$STATE/dockerd.pid"
LOG_FILE="$STATE/dockerd.log"
NETWORK=dsline-lab
# RFC 2544's benchmarking range: routed nowhere, so no machine has a neighbour in it.
SUBNET=198.18.0.0/16
GATEWAY=198.18.0.1

say() { printf 'engine: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The pid of our own dockerd, if it still runs. The command line is compared, because pids are used again.
own_pid() {
    local pid
    pid=$(cat "$PID_FILE" 2>/dev/null) || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "dockerd .*--data-root $STATE/docker " || return 1
    echo "$pid"
}

install_engine() {
    [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can install one. Run as root, or start Docker."
    command -v apt-get >/dev/null || fail "no Docker engine answers and there is no apt-get to install docker.io with."
    say "installing docker.io"
    mkdir -p "$STATE"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        docker.io iptables iproute2 ca-certificates; } >"$STATE/install.log" 2>&1 ||
        fail "installing docker.io failed; the end of $STATE/install.log: $(tail -n 3 "$STATE/install.log")"
}

start_dockerd() {
    [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can start one."
    say "starting dockerd (data in $STATE/docker, log $LOG_FILE)"
    mkdir -p "$STATE/docker"
    rm -f "$PID_FILE"
    # 9>&-: dockerd must not inherit this script's lock, or the next run would wait for it for ever.
    setsid nohup dockerd --data-root "$STATE/docker" --pidfile "$PID_FILE" --log-level warn \
        >"$LOG_FILE" 2>&1 </dev/null 9>&- &
    local pid=$!
    for _ in $(seq 150); do
        answers && return 0
        kill -0 "$pid" 2>/dev/null || fail "dockerd ended at once; the end of $LOG_FILE: $(tail -n 5 "$LOG_FILE")"
        sleep 0.2
    done
    fail "dockerd did not answer within 30 s; the end of $LOG_FILE: $(tail -n 5 "$LOG_FILE")"
}

# Nodes have a default route, as on EC2, but nothing of theirs may leave the machine with a borrowed address: what goes
# out of the bridge is refused, so that a node asking the internet hears "no" at once instead of waiting.
fence() {
    local rule=(DOCKER-USER -i "$NETWORK" ! -o "$NETWORK" -j REJECT)
    iptables -w -n -L DOCKER-USER >/dev/null 2>&1 || return 0
    case "$1" in
        up) iptables -w -C "${rule[@]}" 2>/dev/null || iptables -w -I "${rule[@]}" ;;
        down) iptables -w -D "${rule[@]}" 2>/dev/null || true ;;
    esac
}

start_network() {
    if ! docker network inspect "$NETWORK" >/dev/null 2>&1; then
        docker network create "$NETWORK" --driver bridge --subnet "$SUBNET" --gateway "$GATEWAY" \
            --opt com.docker.network.bridge.name="$NETWORK" \
            --opt com.docker.network.bridge.enable_icc=true \
            --opt com.docker.network.bridge.enable_ip_masquerade=false >/dev/null ||
            fail "the network $NETWORK ($SUBNET) could not be made; does another interface have an address in it?"
    fi
    fence up
}

start() {
    if ! answers; then
        command -v dockerd >/dev/null && command -v iptables >/dev/null && command -v bridge >/dev/null || install_engine
        # Under systemd the package has just started the engine.
        if [ -d /run/systemd/system ]; then systemctl start docker 2>/dev/null || true; fi
        answers || start_dockerd
    fi
    start_network
    status
}

stop() {
    local pid
    if answers && docker network inspect "$NETWORK" >/dev/null 2>&1; then
        fence down
        docker network rm "$NETWORK" >/dev/null 2>&1 || say "the network $NETWORK still has nodes on it; left alone"
    fi
    pid=$(own_pid) || { say "no dockerd of ours is running"; return 0; }
    kill "$pid"
    for _ in $(seq 150); do
        [ -d "/proc/$pid" ] || { rm -f "$PID_FILE"; say "dockerd ($pid) ended"; return 0; }
        sleep 0.2
    done
    fail "dockerd ($pid) did not end within 30 s; see $LOG_FILE"
}

status() {
    answers || { say "no Docker engine answers"; return 1; }
    say "Docker $(docker version --format '{{.Server.Version}}') answers$(own_pid >/dev/null && echo ', started by the lab')"
}

# Several parts of the lab may call this at once; the first one does the work.
mkdir -p "$STATE" 2>/dev/null || fail "cannot write the state folder $STATE; run as root or set DSLINE_LAB_STATE."
exec 9>"$STATE/engine.lock"
flock 9
case "${1:-start}" in
    start) start ;;
    stop) stop ;;
    status) status ;;
    *) fail "unknown word '$1'; known: start, stop, status"; ;;
esac
