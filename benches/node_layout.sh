# A lab node with the line's own files on it, and a look into its control groups. Sourced by node.sh, not run.
# shellcheck shell=bash disable=SC2034

LINE_HOME=/var/lib/dsline
CLIENT_KEY="sk-bench-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"

inside() { docker exec "$NODE" "$@"; }

start_upstream() {
    local text
    text=$(printf 'The gateway passes this sentence on as it came, byte for byte, and counts nothing but its length. %.0s' 1 2 3 4 5 6 7 8 9)
    printf '{"model":"deepseek-flash","messages":[{"role":"user","content":"%s@@"}],"temperature":0.2}\n' "$text" >"$WORK/question.json"
    launch upstream "$UPSTREAM" --listen "$BRIDGE:$UPSTREAM_PORT"
    for _ in $(seq 50); do
        ! curl -fsS --max-time 2 "http://$BRIDGE:$UPSTREAM_PORT/_lab/stats" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "the upstream emulator did not answer: $(tail -n 2 "$WORK/upstream.log")"
}

# The lab's own arguments, so that the node is what the lab's tests know.
start_node() {
    local arguments
    mkdir -p "$WORK/seed"
    printf '#cloud-config\n{}\n' >"$WORK/seed/user-data"
    printf '{"instance-id": "%s"}\n' "$NODE" >"$WORK/seed/meta-data"
    mapfile -t arguments < <(PYTHONPATH="$LAB" python3 - "$NODE" "$ADDRESS" "$MEMORY_MIB" "$WORK" "$BRIDGE" <<'PY'
import json, sys
from nodes.container import SECCOMP, basics, full
name, address, memory, work, bridge = sys.argv[1:]
with open(f"{work}/seccomp.json", "w") as file:
    json.dump(SECCOMP, file)
print(*basics(name, address, int(memory), 1, bridge), *full(f"{work}/seed", f"{work}/seccomp.json"), sep="\n")
PY
    )
    docker run --detach --name "$NODE" "${arguments[@]}" "$IMAGE" >/dev/null || fail "the node did not start"
    for _ in $(seq 300); do
        ! inside systemctl is-active --quiet docker 2>/dev/null || return 0
        sleep 0.2
    done
    fail "Docker inside the node did not start: $(inside journalctl -n 3 --no-pager -u docker 2>&1)"
}

# The files are dsline's own; only limits are lifted that would refuse a load from one address with one key.
render() {
    mkdir -p "$WORK/home/.ssh"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/home/.ssh/id_ed25519"
    cat >"$WORK/line.toml" <<CONF
name = "bench"
regions = ["us-east-1"]
secret = { file = "$WORK/home/line.secret" }
[ssh]
allow = ["$BRIDGE/32"]
address_service = ""
[upstream]
base_url = "http://$BRIDGE:$UPSTREAM_PORT"
key = { env = "DSLINE_BENCH_KEY" }
[nginx]
requests_per_second = 100000
burst = 100000
CONF
    (
        export HOME="$WORK/home" XDG_CONFIG_HOME="$WORK/home/config" DSLINE_BENCH_KEY=sk-upstream
        "$DSLINE" --quiet init --yes --name bench --key-env DSLINE_BENCH_KEY --out "$WORK/home/unused.toml" &&
            cp "$XDG_CONFIG_HOME/dsline/bench.secret" "$WORK/home/line.secret" &&
            "$DSLINE" --quiet render --profile "$WORK/line.toml" --gateway "$GATEWAY" --address "$ADDRESS" --with-secrets --out "$WORK/files" &&
            "$DSLINE" cert ca --profile "$WORK/line.toml" >"$WORK/ca.pem"
    ) >"$WORK/render.log" 2>&1 || fail "dsline could not render the node: $(tail -n 3 "$WORK/render.log")"
    printf 'sha256:%s\n' "$(printf '%s' "$CLIENT_KEY" | sha256sum | cut -d' ' -f1)" >"$WORK/files/gateway/secrets/client_keys"
    python3 - "$WORK/files/gateway/gateway.toml" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
lifted = {"requests_per_minute": 100_000_000, "address_requests_per_minute": 100_000_000, "streams": 100_000, "upstream_permits": 2500}
section = re.search(r"^\[quota\]\n(?:(?!\[).*\n?)*", text, re.M)
block = section.group(0) if section else "\n[quota]\n"
for key, number in lifted.items():
    block = re.sub(rf"^{key} *=.*\n", "", block, flags=re.M)
    block = block.replace("[quota]\n", f"[quota]\n{key} = {number}\n")
text = text.replace(section.group(0), block) if section else text + block
open(sys.argv[1], "w").write(text)
PY
}

# As a push does it: files into a release, the image built on the node, programs told.
lay_out() {
    local digest
    render
    digest=$(sed -n 's/.*image: dsline-gateway://p' "$WORK/files/gateway/compose.yaml")
    inside mkdir -p "$LINE_HOME/parts" "$LINE_HOME/releases"
    { docker cp -q "$WORK/files" "$NODE:$LINE_HOME/releases/bench" && docker cp -q "$WORK/files/image" "$NODE:$LINE_HOME/parts/$digest"; } ||
        fail "the files could not be copied"
    docker exec -i "$NODE" sh -s >"$WORK/layout.log" 2>&1 <<SH || fail "the node did not take its files: $(tail -n 5 "$WORK/layout.log")"
set -eu
home=$LINE_HOME
chown -R root:root \$home/releases/bench \$home/parts
# Rendered files are plain; a push gives them the modes of their parts.
chmod 755 \$home/parts/*/dsline-gateway \$home/releases/bench \$home/releases/bench/*/
ln -sfn releases/bench \$home/current
chown -R 65532:65532 \$home/current/gateway/secrets
chmod 755 \$home/current/gateway/secrets
chown redis:redis \$home/current/redis/redis.conf
for unit in nginx redis-server; do
    mkdir -p /etc/systemd/system/\$unit.service.d
    cp \$home/current/system/\$unit.service.conf /etc/systemd/system/\$unit.service.d/20-dsline.conf
done
systemctl daemon-reload
systemctl restart redis-server
install -d -m 2750 -o 65532 -g www-data \$home/sockets
install -d -m 2750 -o 65532 -g adm \$home/spool
install -d -m 2750 -o root -g 65532 \$home/revoked
docker build -q -t dsline-gateway:$digest \$home/parts/$digest
if docker compose version >/dev/null 2>&1; then compose='docker compose'; else compose=docker-compose; fi
folder=\$(realpath \$home/current/gateway)
\$compose --project-name dsline-1 --project-directory \$folder --file \$folder/compose.yaml up --detach --no-build
systemctl restart nginx
SH
}

wait_for_node() {
    sed 's/@@/first/' "$WORK/question.json" >"$WORK/first.json"
    for _ in $(seq 100); do
        if curl -fsS --max-time 5 -o /dev/null --cacert "$WORK/ca.pem" -H "authorization: Bearer $CLIENT_KEY" -H 'content-type: application/json' \
            -d "@$WORK/first.json" "https://$ADDRESS/v1/chat/completions" 2>"$WORK/ready.log"; then return 0; fi
        sleep 0.3
    done
    fail "the node does not answer: $(cat "$WORK/ready.log"); $(inside sh -c 'docker ps --all; docker ps -aq | head -n 1 | xargs -r docker logs --tail 5; systemctl is-active nginx redis-server' 2>&1 | tail -n 8)"
}

# The folder of a control group of a process of the host, for a controller; version 1 has one tree for each.
group_of() {
    local pid=$1 controller=$2 path
    if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
        path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
        echo "/sys/fs/cgroup$path"
    else
        path=$(awk -F: -v want="$controller" '{ n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == want) print $3 }' "/proc/$pid/cgroup")
        echo "/sys/fs/cgroup/$controller$path"
    fi
}
first_of() { local file; for file in "$@"; do if [ -r "$file" ]; then cat "$file"; return 0; fi; done; echo 0; }

# Seen from the host: the gateway's process lies below the node's own group in both trees, and the limits stand.
prove_limits() {
    local id group controller
    id=$(docker inspect --format '{{ .Id }}' "$NODE")
    GATEWAY_PID=$(pgrep -f '^/dsline-gateway --config /etc/dsline/gateway.toml' | while read -r pid; do
        ! grep -q "$id" "/proc/$pid/cgroup" || echo "$pid"
    done | head -n 1)
    [ -n "$GATEWAY_PID" ] || fail "the gateway's process is not inside the node's control group"
    for controller in memory cpu; do
        group=$(group_of "$GATEWAY_PID" $controller)
        case "$group" in *"$id"/*) say "the gateway's $controller group is inside the node's: ${group##*"$id"}" ;; *) fail "the gateway is outside the node's $controller group: $group" ;; esac
    done
    NODE_MEMORY=$(group_of "$GATEWAY_PID" memory) GATEWAY_MEMORY=$NODE_MEMORY
    NODE_MEMORY="${NODE_MEMORY%%"$id"*}$id"
    NODE_CPU=$(group_of "$GATEWAY_PID" cpu)
    NODE_CPU="${NODE_CPU%%"$id"*}$id"
    NODE_USAGE=${NODE_CPU/\/cpu\//\/cpuacct\/}
    say "limits: node $(($(first_of "$NODE_MEMORY/memory.limit_in_bytes" "$NODE_MEMORY/memory.max") / 1048576)) MiB, gateway $(($(first_of "$GATEWAY_MEMORY/memory.limit_in_bytes" "$GATEWAY_MEMORY/memory.max") / 1048576)) MiB, CPU quota $(first_of "$NODE_CPU/cpu.cfs_quota_us" "$NODE_CPU/cpu.max") µs of each 100 ms"
}

mib() { echo $(($1 / 1048576)); }
# Version 1 counts the page cache in; what matters for an OOM is the rest, but the peak of all is the safe figure.
reset_peak() {
    echo 0 >"$NODE_MEMORY/memory.max_usage_in_bytes" 2>/dev/null || true
    echo 0 >"$GATEWAY_MEMORY/memory.max_usage_in_bytes" 2>/dev/null || true
}
peak_of_node() { mib "$(first_of "$NODE_MEMORY/memory.max_usage_in_bytes" "$NODE_MEMORY/memory.peak")"; }
peak_of_gateway() { awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$GATEWAY_PID/status"; }
cpu_of_node() {
    if [ -r "$NODE_USAGE/cpuacct.usage" ]; then cat "$NODE_USAGE/cpuacct.usage"; else awk '/^usage_usec/ { print $2 * 1000 }' "$NODE_CPU/cpu.stat"; fi
}
oom_kills() { first_of "$NODE_MEMORY/memory.oom_control" "$NODE_MEMORY/memory.events" | awk '/^oom_kill / { print $2; seen = 1 } END { if (!seen) print 0 }'; }
