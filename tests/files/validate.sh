#!/usr/bin/env bash
# Shows a rendered tree to the real daemons, which must accept every file: validate.sh DIR [GATEWAY]
#
# DIR holds a node's parts with their secrets: DIR/nginx, DIR/redis … GATEWAY is a gateway binary that runs here
# (default: the tree's own). Needs root, nginx, redis-server, rsyslogd, logrotate and one Compose; leaves nothing
# behind and nothing running. Exit 0: all accepted; 1: something was refused; 2: a tool is missing.
# shellcheck disable=SC2317 # the checks are called by name
set -uo pipefail

TREE=$(cd "${1:?usage: validate.sh DIR [GATEWAY]}" && pwd) || exit 2
GATEWAY=${2:-$TREE/image/dsline-gateway}
PATH=$PATH:/usr/sbin:/sbin
WORK=$(mktemp -d)
REDIS=
made_pid=$([ -e /run/nginx.pid ] || echo yes)
made_waf=$([ -e /var/lib/dsline/waf ] || echo yes)
made_cache=$([ -e /run/nginx-models ] || echo yes)
refused=0

finish() {
    if [ -n "$REDIS" ]; then kill "$REDIS" 2>/dev/null; wait "$REDIS" 2>/dev/null; fi
    rm -rf "$WORK"
    # `nginx -t` makes what its file names.
    if [ -n "$made_pid" ]; then rm -f /run/nginx.pid; fi
    if [ -n "$made_waf" ]; then rm -rf /var/lib/dsline/waf; fi
    if [ -n "$made_cache" ]; then rm -rf /run/nginx-models; fi
}
trap finish EXIT

need() {
    command -v "$1" >/dev/null || { printf 'missing: %s (%s)\n' "$1" "$2" >&2; exit 2; }
}

# Runs a check; what it printed is shown only when it failed.
check() {
    local what=$1; shift
    if "$@" >"$WORK/output" 2>&1; then
        printf 'accepted  %s\n' "$what"
    else
        printf 'REFUSED   %s\n' "$what"
        sed 's/^/          /' "$WORK/output"
        refused=1
    fi
}

# nginx says [warn] of what will be refused one day; only the one that nginx 1.22 makes necessary may be said.
nginx_accepts() {
    mkdir -p /var/lib/dsline/waf
    nginx -t -c "$TREE/nginx/nginx.conf" || return 1
    ! nginx -t -c "$TREE/nginx/nginx.conf" 2>&1 | grep -F '[warn]' | grep -vF '"listen ... http2" directive is deprecated'
}

# Redis has no dry run: it is started on the file with its paths turned to the work folder, asked, and stopped.
redis_accepts() {
    local password answer
    sed -e "s#/run/redis/#$WORK/#" -e "s#^dir .*#dir $WORK#" "$TREE/redis/redis.conf" >"$WORK/redis.conf"
    password=$(awk '$1 == "requirepass" { print $2 }' "$WORK/redis.conf")
    redis-server "$WORK/redis.conf" --supervised no &
    REDIS=$!
    for _ in $(seq 50); do
        [ -S "$WORK/redis.sock" ] && break
        kill -0 "$REDIS" 2>/dev/null || return 1
        sleep 0.1
    done
    answer=$(redis-cli -s "$WORK/redis.sock" ping)
    case "$answer" in *NOAUTH*) ;; *) echo "answered '$answer' without a password"; return 1 ;; esac
    answer=$(REDISCLI_AUTH=$password redis-cli -s "$WORK/redis.sock" ping)
    [ "$answer" = PONG ] || { echo "answered '$answer' to the password"; return 1; }
    answer=$(REDISCLI_AUTH=$password redis-cli -s "$WORK/redis.sock" config get maxmemory-policy | tail -n 1)
    [ "$answer" = allkeys-lru ] || { echo "evicts by '$answer'"; return 1; }
}

# logrotate exits 0 when it skips a block, so what it says is read too. It wants root's file, not writable by others.
logrotate_accepts() {
    install -m 644 -o root -g root "$TREE/logrotate/dsline" "$WORK/logrotate"
    logrotate -d --state "$WORK/state" "$WORK/logrotate" 2>&1 | tee "$WORK/said"
    [ "${PIPESTATUS[0]}" = 0 ] && ! grep -iE '^error|skipping|unknown' "$WORK/said" | grep -v 'does not exist -- skipping' &&
        grep -F 'considering log /var/log/deepseek/api_audit.log' "$WORK/said"
}

# The image's part lies elsewhere than on a node. Compose 1 also wants the folder to exist.
compose_accepts() {
    mkdir -p "$WORK/gateway"
    cp -r "$TREE/gateway/." "$WORK/gateway/"
    sed "s#/var/lib/dsline/parts/[0-9a-f]*#$TREE/image#" "$TREE/gateway/compose.yaml" >"$WORK/gateway/compose.yaml"
    (cd "$WORK/gateway" && "$@" -p dsline -f compose.yaml config) 2>&1 | tee "$WORK/said"
    [ "${PIPESTATUS[0]}" = 0 ] && ! grep -iE 'warn|obsolete' "$WORK/said"
}

gateway_accepts() {
    # The secrets lie where the container sees them; here next to the file.
    sed "s#/run/secrets#$TREE/gateway/secrets#" "$TREE/gateway/gateway.toml" >"$WORK/gateway.toml"
    "$GATEWAY" --check --config "$WORK/gateway.toml" 2>&1 | tee "$WORK/said"
    [ "${PIPESTATUS[0]}" = 0 ] && ! grep -F 'not here' "$WORK/said"
}

need nginx 'apt install nginx'
need redis-server 'apt install redis-server'
need redis-cli 'apt install redis-tools'
need rsyslogd 'apt install rsyslog'
need logrotate 'apt install logrotate'
need nft 'apt install nftables'
[ -x "$GATEWAY" ] || { printf 'missing: a gateway binary at %s\n' "$GATEWAY" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'missing: root (nginx -t reads the key, logrotate wants files of root)' >&2; exit 2; }

check "nginx.conf            $(nginx -v 2>&1)" nginx_accepts
check "redis.conf            $(redis-server -v | cut -d' ' -f1-3)" redis_accepts
check "rsyslog dsline.conf   $(rsyslogd -v | head -n 1 | cut -d' ' -f1-3)" rsyslogd -N1 -f "$TREE/rsyslog/dsline.conf"
check "logrotate dsline      $(logrotate --version 2>&1 | head -n 1)" logrotate_accepts
check "nftables.conf         $(nft --version)" nft -c -f "$TREE/system/nftables.conf"
composes=0
if docker compose version >/dev/null 2>&1; then
    check "compose.yaml          $(docker compose version)" compose_accepts docker compose
    composes=1
fi
if command -v docker-compose >/dev/null; then
    check "compose.yaml          $(docker-compose version | head -n 1)" compose_accepts docker-compose
    composes=1
fi
[ "$composes" = 1 ] || { echo 'missing: docker compose or docker-compose' >&2; exit 2; }
check "gateway.toml          $("$GATEWAY" --version)" gateway_accepts
exit "$refused"
