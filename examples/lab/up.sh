#!/usr/bin/env bash
# AWS and the internet on one machine, and a line on them: prepares, starts the lab, brings a line up in three regions,
# asks it from three continents, and says what to try next. Needs Debian, root and Rust; a second run changes nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

REGIONS=us-east-1,ap-southeast-1,eu-west-1
# Which region must answer whom: the default geography.
SERVES=(asia:ap-southeast-1 europe:eu-west-1 america:us-east-1)
TIMES=()

title() { printf '\n== %s\n' "$*"; }

# Runs a phase and remembers its wall time.
phase() {
    local name=$1 begun=$EPOCHREALTIME; shift
    title "$name"
    "$@"
    TIMES+=("$(printf '%8.1f s  %s' "$(awk "BEGIN { print $EPOCHREALTIME - $begun }")" "$name")")
}

start_lab() {
    "$LAB/services.sh" start
    "$LAB/operator.sh" >/dev/null
    # shellcheck disable=SC1091
    . "$STATE/env"
}

line_up() {
    local code=0
    dsline up --yes --regions "$REGIONS" || code=$?
    [ "$code" = 0 ] || fail "\`dsline up\` ended with exit code $code; \`. $STATE/env && dsline status\` shows what there is"
}

# DNS shows a new node when its health check has passed, which takes the checkers some rounds.
chats() {
    local pair
    for pair in "${SERVES[@]}"; do ask_until_right "${pair%%:*}" "${pair#*:}"; done
}

ask_until_right() {
    local place=$1 region=$2 answer='' address='' node='' text=''
    for _ in $(seq 30); do
        answer=$(chat "$place" 2>"$STATE/chat.log") || answer=''
        IFS=$'\t' read -r _ address node text <<<"$answer" || true
        if [ "${node%%/*}" = "$region" ]; then
            printf '%-8s -> %-15s -> %-17s "%s"\n' "$place" "$address" "$node" "$text"
            return 0
        fi
        sleep 1
    done
    fail "$place should be answered by $region, but: ${answer:-$(tail -n 1 "$STATE/chat.log")}"
}

# An unhealthy line is shown with what to do about it, not hidden behind an exit code.
show_status() { dsline status || say "\`dsline status\` ended with exit code $?: not all is well"; }

next() {
    cat <<END

The lab runs. In this or another shell:

  . $STATE/env

  dsline status                       nodes, health, what DNS answers to each continent
  chat asia "Why is the sky blue?"    ask as a client in Asia (europe, africa, oceania ...)
  ctl node ap-southeast-1/1 off       pull a node's plug; then:
    dsline status --watch               DNS stops answering it within about 15 s
    dsline up                           it is replaced, after asking
  bash $LAB/page.sh
                                      a chat in the browser, as a visitor of a web page has it
  dsline ssh us-east-1/1              a shell on a node
  ctl requests                        the AWS calls so far
  dsline teardown                     remove the line; a receipt says what was looked at

Add a region:
  dsline up --regions $REGIONS,sa-east-1

Remove the line and stop the lab:
  bash $LAB/down.sh

END
}

main() {
    phase 'builds; meanwhile Python, engine and node images' "$LAB/prepare.sh"
    phase 'cloud, name server, upstream, user' start_lab
    phase "dsline up --yes --regions $REGIONS" line_up
    phase 'chats from Asia, Europe and America' chats
    phase 'dsline status' show_status
    next
    echo 'Wall time of the phases:'
    printf '%s\n' "${TIMES[@]}"
}

main
