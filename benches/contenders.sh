# The contenders of gateway.sh: how each is installed, configured and started. Sourced, not run.
# shellcheck shell=bash disable=SC2034

UPSTREAM_PORT=19100
UPSTREAM_URL="http://127.0.0.1:$UPSTREAM_PORT"
# A key as clients have it; LiteLLM refuses weak ones.
CLIENT_KEY="sk-bench-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
EXTRA_HEADERS=()

# A question of about 1 KB, as JSON, as a short stream, and as a stream that is held open.
write_questions() {
    local text
    text=$(printf 'The gateway passes this sentence on as it came, byte for byte, and counts nothing but its length. %.0s' 1 2 3 4 5 6 7 8 9)
    local head='{"model":"deepseek-flash","messages":[{"role":"system","content":"You answer briefly."},{"role":"user","content":"'
    printf '%s%s@@"}],"temperature":0.2}\n' "$head" "$text" >"$WORK/question.json"
    printf '%s%s@@"}],"temperature":0.2,"stream":true}\n' "$head" "$text" >"$WORK/stream.json"
    printf '%s%s@@"}],"stream":true}\n' "$head" "$text" >"$WORK/crowd.json"
}

# The same for wrk: one body and the contender's headers.
ask_script() {
    {
        printf 'wrk.method = "POST"\nwrk.body = [[%s]]\n' "$(sed 's/@@/old-0/' "$WORK/question.json")"
        printf 'wrk.headers["content-type"] = "application/json"\n'
        headers | sed -E 's/^([^:]*): (.*)$/wrk.headers["\1"] = "\2"/'
    } >"$WORK/ask.lua"
}

# Until a question is answered; LiteLLM takes a while.
wait_ready() {
    local flags=() line
    while IFS= read -r line; do flags+=(-H "$line"); done < <(headers)
    sed 's/@@/old-0/' "$WORK/question.json" >"$WORK/first.json"
    for _ in $(seq 240); do
        if curl -fsS --max-time 5 -o /dev/null -H 'content-type: application/json' "${flags[@]}" -d "@$WORK/first.json" \
            "http://127.0.0.1:$PORT/v1/chat/completions" 2>>"$WORK/ready.log"; then return 0; fi
        kill -0 "$PID" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}

start_upstream() {
    launch upstream "${BESIDE[@]}" "$UPSTREAM" --listen "127.0.0.1:$UPSTREAM_PORT"
    UPSTREAM_PID=$PID
    for _ in $(seq 50); do
        ! curl -fsS --max-time 2 "$UPSTREAM_URL/_lab/stats" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "the upstream emulator did not answer: $(tail -n 2 "$WORK/upstream.log")"
}

upstream_requests() { curl -fsS --max-time 5 "$UPSTREAM_URL/_lab/stats" | python3 -c 'import json, sys; print(json.load(sys.stdin)["requests"])'; }

install_peers() {
    if [ ! -f "$CACHE/portkey/node_modules/@portkey-ai/gateway/build/start-server.js" ]; then
        say "installing Portkey's gateway into $CACHE/portkey"
        { command -v npm && timeout 600 npm install --prefix "$CACHE/portkey" --no-audit --no-fund --ignore-scripts @portkey-ai/gateway; } \
            >"$CACHE/portkey.log" 2>&1 || say "Portkey cannot be installed and is skipped; see $CACHE/portkey.log"
    fi
    if [ ! -x "$CACHE/litellm/bin/litellm" ]; then
        say "installing LiteLLM into $CACHE/litellm (about 750 MB)"
        { python3 -m venv "$CACHE/litellm" && timeout 1200 "$CACHE/litellm/bin/pip" install -q --no-input 'litellm[proxy]'; } \
            >"$CACHE/litellm.log" 2>&1 || say "LiteLLM cannot be installed and is skipped; see $CACHE/litellm.log"
    fi
}

start_direct() { PORT=$UPSTREAM_PORT PID=$UPSTREAM_PID EXTRA_HEADERS=(); }

# A plain proxy with kept-alive connections to the upstream; buffering off, as streams need it.
start_nginx() {
    PORT=19110 EXTRA_HEADERS=()
    mkdir -p "$WORK/nginx"
    cat >"$WORK/nginx.conf" <<CONF
daemon off;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log warn;
worker_processes 1;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $WORK/nginx/body;
    proxy_temp_path $WORK/nginx/proxy;
    fastcgi_temp_path $WORK/nginx/fastcgi;
    uwsgi_temp_path $WORK/nginx/uwsgi;
    scgi_temp_path $WORK/nginx/scgi;
    keepalive_requests 100000000;
    upstream api { server 127.0.0.1:$UPSTREAM_PORT; keepalive 1024; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:$PORT backlog=2048;
        location / {
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
CONF
    launch nginx "${ALONE[@]}" nginx -e "$WORK/nginx/error.log" -c "$WORK/nginx.conf"
}

start_portkey() {
    local script="$CACHE/portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    [ "$PEERS" = yes ] && [ -f "$script" ] || return 1
    PORT=19120 EXTRA_HEADERS=("x-portkey-provider: openai" "x-portkey-custom-host: $UPSTREAM_URL/v1")
    launch portkey env NODE_ENV=production TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost" "${ALONE[@]}" node "$script" "--port=$PORT" --headless
}

start_litellm() {
    [ "$PEERS" = yes ] && [ -x "$CACHE/litellm/bin/litellm" ] || return 1
    PORT=19130 EXTRA_HEADERS=()
    cat >"$WORK/litellm.yaml" <<CONF
model_list:
  - model_name: deepseek-flash
    litellm_params: {model: openai/deepseek-flash, api_base: "$UPSTREAM_URL/v1", api_key: sk-upstream}
litellm_settings: {telemetry: false}
general_settings: {master_key: "$CLIENT_KEY"}
CONF
    launch litellm env LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR "${ALONE[@]}" "$CACHE/litellm/bin/litellm" \
        --config "$WORK/litellm.yaml" --host 127.0.0.1 --port "$PORT" --num_workers 1
}

# ours SECTIONS...: with authentication, limits (too high to refuse), metrics and the audit trail on.
ours() {
    PORT=19140 EXTRA_HEADERS=()
    mkdir -p "$WORK/spool"
    (umask 077 && echo sk-upstream >"$WORK/upstream_key")
    printf 'sha256:%s\n' "$(printf '%s' "$CLIENT_KEY" | sha256sum | cut -d' ' -f1)" >"$WORK/client_keys"
    cat >"$WORK/gateway.toml" <<CONF
listen = "127.0.0.1:$PORT"
admin = "127.0.0.1:$((PORT + 1))"
node = "bench/1"
line = "bench"
stop_seconds = 2
[upstream]
base_url = "$UPSTREAM_URL"
key_file = "$WORK/upstream_key"
[keys]
file = "$WORK/client_keys"
[audit]
folder = "$WORK/spool"
[quota]
requests_per_minute = 100000000
address_requests_per_minute = 100000000
tokens_per_minute = 4000000000
streams = 100000
upstream_permits = 2500
$(printf '%s\n' "$@")
CONF
    launch "$CONTENDER" "${ALONE[@]}" "$GATEWAY" --config "$WORK/gateway.toml"
}
NO_CACHE=$'[cache]\nenabled = false'
NO_MERGE=$'[merge]\nenabled = false'
start_ours_miss() { CONTENDER=ours-miss ours "$NO_CACHE" "$NO_MERGE"; }
start_ours_near() { CONTENDER=ours-near ours "$NO_MERGE"; }
start_ours_merged() { CONTENDER=ours-merged ours "$NO_CACHE"; }

# No room in the process: every hit is fetched from Redis, over a socket as on a node.
start_ours_redis() { CONTENDER=ours-redis ours "[cache]"$'\n'"redis = \"$WORK/redis.sock\""$'\n'"memory_bytes = 0" "$NO_MERGE"; }

start_redis() {
    launch redis "${BESIDE[@]}" redis-server --port 0 --unixsocket "$WORK/redis.sock" --save '' --appendonly no --maxmemory 64mb \
        --maxmemory-policy allkeys-lru --dir "$WORK"
    for _ in $(seq 50); do
        [ ! -S "$WORK/redis.sock" ] || return 0
        sleep 0.1
    done
    fail "redis-server did not start: $(tail -n 2 "$WORK/redis.log")"
}
