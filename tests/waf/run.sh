#!/usr/bin/env bash
# Attacks, prompts, uploads, streams and TLS probes against rendered nginx files in a node's container.
#
#   run.sh OPEN LIMITED OFF CRS_TESTS   trees rendered without a rate limit, with the default one, and without the rules
#
# DSLINE_TESTS_FULL=yes adds testssl.sh and what the rules cost, which is printed and not judged: another machine gives other
# figures. Exit 0: all as it should be.
set -euo pipefail

OPEN=$1 LIMITED=$2 OFF=$3 TESTS=$4
HERE=$(cd "$(dirname "$0")" && pwd)
IMAGE=$("$HERE/../../examples/lab/nodes/image.sh" tags | sed -n 's/^node=//p')
NAME=dsline-waf-$$
failed=0

trap 'docker rm --force "$NAME" >/dev/null 2>&1 || true' EXIT

# A container with one of the trees; SYS_PTRACE lets it read how much memory nginx's workers use.
inside() {
    local tree=$1; shift
    docker run --rm --network none --cap-add SYS_PTRACE --volume "$tree:/tree:ro" --volume "$OFF:/off:ro" --volume "$HERE:/waf:ro" \
        --volume "$TESTS:/crs:ro" --env CRS_TESTS=/crs "$@"
}

tested() { inside "$1" --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree timeout 900 python3 -W ignore "${@:2}" || failed=1; }

# Every finding of testssl.sh about protocols, suites and weaknesses; it looks from the container's own network.
scanned() {
    docker run --detach --rm --name "$NAME" --network none --volume "$OPEN:/tree:ro" --volume "$HERE:/waf:ro" \
        --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree sleep 1800 >/dev/null
    local findings
    for _ in $(seq 600); do
        [ -z "$(docker exec "$NAME" ss -Hltn 'sport = :443' 2>/dev/null)" ] || break
        sleep 0.1
    done
    findings=$(mktemp -d)/findings.json
    nsenter --net --target "$(docker inspect --format '{{ .State.Pid }}' "$NAME")" \
        timeout 1500 testssl --quiet --color 0 --warnings off --protocols --std --fs --vulnerable --jsonfile "$findings" 127.0.0.1:443 >/dev/null || true
    "$HERE/judge.py" "$findings" || failed=1
}

tested "$OPEN" test_attacks.py
tested "$OPEN" test_prompts.py
tested "$OPEN" test_edges.py Edges
tested "$LIMITED" test_edges.py Limits
if [ "${DSLINE_TESTS_FULL:-}" = yes ]; then
    scanned
    inside "$OPEN" --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree timeout 900 python3 cost.py \
        /var/lib/dsline/current/nginx/nginx.conf /off/nginx/nginx.conf
fi
exit "$failed"
