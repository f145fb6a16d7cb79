#!/usr/bin/env bash
# Starts a rendered nginx and a stub of the gateway in this container, then runs a command: start.sh TREE COMMAND...
set -euo pipefail

TREE=${1:?usage: start.sh TREE COMMAND...}
shift
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p /var/lib/dsline/current /var/lib/dsline/sockets /var/lib/dsline/waf
cp -r "$TREE/nginx" /var/lib/dsline/current/
python3 "$HERE/stub.py" /var/lib/dsline/sockets/gateway.sock /var/lib/dsline/sockets/admin.sock &
for _ in $(seq 1200); do [ -S /var/lib/dsline/sockets/gateway.sock ] && [ -S /var/lib/dsline/sockets/admin.sock ] && break; sleep 0.05; done
chmod 777 /var/lib/dsline/sockets/*.sock
nginx -t -q -c /var/lib/dsline/current/nginx/nginx.conf
nginx -c /var/lib/dsline/current/nginx/nginx.conf
cd "$HERE"
exec env PYTHONDONTWRITEBYTECODE=1 "$@"
