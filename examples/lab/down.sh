#!/usr/bin/env bash
# Tears the lab's line down, with a receipt, and stops everything that up.sh started; harmless when nothing runs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

teardown() {
    if ! "$LAB/services.sh" status >/dev/null 2>&1; then
        say "the lab does not run, so there is no line to tear down"
        return 0
    fi
    [ -f "$STATE/env" ] && [ -x "$STATE/bin/dsline" ] || fail "$STATE/bin/dsline is gone; build it again, or end the lab with services.sh stop"
    # shellcheck disable=SC1091
    (. "$STATE/env" && dsline teardown --yes)
}

# Nodes that a killed cloud left behind.
sweep() {
    if docker version >/dev/null 2>&1; then
        (cd "$LAB" && python3 -m nodes --state "$STATE" sweep >&2) || say "nodes could not be swept; see \`docker ps\`"
    fi
}

code=0
teardown || code=$?
[ "$code" = 0 ] || say "\`dsline teardown\` ended with exit code $code; the lab is stopped all the same"
"$LAB/services.sh" stop
sweep
"$LAB/nodes/engine.sh" stop
say "what stays for the next time is in $STATE (images, Python, keys); \`rm -rf $STATE\` removes it"
exit "$code"
