# Switches to a kept release, confirms the live one, or goes back; run by the operator, by the timer, and when the node starts.
# switch RELEASE SECONDS | confirm RELEASE | revert [RELEASE WHY] | expire      `release.sh` stands in front of this.
# shellcheck disable=SC2154,SC2034
trap 'rm -f "$log"' EXIT

switch() {
    [ -e "$home/releases/$1/gateway" ] || verdict missing
    [ "$(live)" != "$1" ] || verdict live "$1"
    make_live "$1" "$(differing "$(live)" "$1")" "$2"
    : >"$log"
    verdict live "$1"
}

confirm() {
    [ "$(live)" = "$1" ] || verdict gone "$(live)"
    mark "$1" healthy
    # Whoever goes back leaves what is newer: no later way back leads there.
    releases_where whole | while read -r other; do
        if [ "$other" -gt "$1" ] && [ "$(state_of "$other")" = healthy ]; then mark "$other" left; fi
    done
    rm -f $home/pending
    sync $home
    prune
    : >"$log"
    verdict confirmed
}

# Nothing to do when somebody confirmed meanwhile, or when it is about another release.
revert() {
    read_pending
    [ -n "$number" ] && [ "${1:-$number}" = "$number" ] || verdict gone "$(live)"
    draining=$(! is_draining || echo yes)
    if go_back "${2:-the node was started anew before anybody confirmed it}"; then : >"$log"; verdict reverted; fi
    cat "$log" >&3
    exit 1
}

# A timer that was set before a later one fires too early.
expire() {
    read_pending
    [ -n "$number" ] && [ "$(uptime_seconds)" -ge "$deadline" ] || exit 0
    revert "$number" 'nobody confirmed it in time'
}

take_lock 300 || verdict unfinished 'another push holds the node'
"$@"
