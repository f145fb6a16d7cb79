# Processes of a bench: started on chosen cores, watched in /proc, ended by their own pid. Sourced, not run.
# shellcheck shell=bash disable=SC2034

STARTED=()

# The contender has the last core for itself; load and upstream share the others, so that they cannot take its time.
choose_cores() {
    local cores
    cores=$(nproc)
    BESIDE=() ALONE=()
    if [ "$PIN" = yes ] && [ "$cores" -ge 2 ]; then
        BESIDE=(taskset -c "0-$((cores - 2))") ALONE=(taskset -c "$((cores - 1))")
    else
        PIN=no
    fi
}

# launch NAME COMMAND...: sets PID; the log is $WORK/NAME.log.
launch() {
    local name=$1; shift
    "$@" >"$WORK/$name.log" 2>&1 9>&- </dev/null &
    PID=$!
    STARTED+=("$PID")
}

family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1" 2>/dev/null); do family "$child"; done
}

# User and system time of a process and its children, in microseconds.
cpu_us() {
    local tick sum=0 pid fields
    tick=$((1000000 / $(getconf CLK_TCK)))
    for pid in $(family "$1"); do
        fields=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
        # shellcheck disable=SC2086
        set -- $fields
        sum=$((sum + (${12} + ${13}) * tick))
    done
    echo "$sum"
}

# Resident memory of a process and its children, pages shared between them counted once.
rss_kb() {
    local pid
    for pid in $(family "$1"); do cat "/proc/$pid/smaps_rollup" 2>/dev/null || true; done |
        awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
}

end() {
    local pids
    pids=$(family "$1")
    kill "$1" 2>/dev/null || return 0
    for _ in $(seq 50); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    # Second time for whoever still finishes streams; its children are still known by their pids.
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

end_all() {
    local pid
    for pid in "${STARTED[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || end "$pid"
    done
}
