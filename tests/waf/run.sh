#!/usr/bin/env bash
# Attacks, prompts, uploads, streams and TLS probes against rendered nginx files in a node's container.
#
#   run.sh OPEN LIMITED OFF CRS_TESTS   trees rendered without a rate limit, with the default one, and without the rules
#
# Exit 0: all as it should be. What the rules cost is printed and not judged: another machine gives other figures.
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

tested() { inside "$1" --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree timeout 300 python3 -W ignore "${@:2}" || failed=1; }

# Every finding of testssl.sh about protocols, suites and weaknesses; it looks from the container's own network.
scanned() {
    docker run --detach --rm --name "$NAME" --network none --volume "$OPEN:/tree:ro" --volume "$HERE:/waf:ro" \
        --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree sleep 600 >/dev/null
    sleep 2
    local findings
    findings=$(mktemp -d)/findings.json
    nsenter --net --target "$(docker inspect --format '{{ .State.Pid }}' "$NAME")" \
        timeout 300 testssl --quiet --color 0 --warnings off --protocols --std --fs --vulnerable --jsonfile "$findings" 127.0.0.1:443 >/dev/null || true
    "$HERE/judge.py" "$findings" || failed=1
}

tested "$OPEN" test_attacks.py
tested "$OPEN" test_prompts.py
tested "$OPEN" test_edges.py Edges
tested "$LIMITED" test_edges.py Limits
scanned
inside "$OPEN" --entrypoint /bin/bash "$IMAGE" /waf/start.sh /tree timeout 300 python3 cost.py \
    /var/lib/dsline/current/nginx/nginx.conf /off/nginx/nginx.conf
exit "$failed"
