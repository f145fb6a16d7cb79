# Counts the numbers of a node's audit trail and prints where they have gaps, a fact a line, with tabs between.
# $1 the trail's folder.
set -u
export LC_ALL=C
live=$1/api_audit.log

for file in "$live"-* "$live"; do
    [ ! -e "$file" ] || printf '%s\n' "${file%.gz}"
done | awk -v live="$live" '!seen[$0]++ && $0 != live { print } END { print live }' | while read -r file; do
    printf '\002 %s\n' "${file##*/}"
    if [ -e "$file" ]; then cat "$file"; else gzip -dc "$file.gz"; fi 2>/dev/null
    echo
done | awk '
    $1 == "\002" { file = $2; next }
    $4 != "dsline-gateway" || ($6 != "API_REQUEST" && $6 !~ /^TRAIL_/) { next }
    {
        key = $3 "\t" $5
        if (!(key in expected)) { order[++known] = key; expected[key] = -1; first[key] = $2; place[key] = $2 "\t" file }
        latest[key] = $2
        if ($6 == "TRAIL_DROPPED") { dropped[key] = substr($8, 10) + 0; next }
        seq = substr($8, 6) + 0
        if ($6 == "TRAIL_BEGIN") { run[key] = substr($9, 6) + 0; begun[key] = 1 }
        else if ($6 == "TRAIL_END") { ended[key] = 1; dropped[key] = substr($9, 10) + 0 }
        else records[key]++
        if (expected[key] < 0) { expected[key] = seq; lowest[key] = seq }
        if (seq < expected[key] || (key, seq) in early) { doubled[key]++; next }
        early[key, seq] = $2 "\t" file
        waiting[key]++
        advance(key)
        # Records of one moment may change places; that many never do.
        if (waiting[key] > 40000) skip(key)
    }
    # Goes on to the first number that is not there yet.
    function advance(key) {
        while ((key, expected[key]) in early) {
            place[key] = early[key, expected[key]]
            delete early[key, expected[key]]
            waiting[key]--
            expected[key]++
        }
    }
    function skip(key,    from) {
        from = expected[key]
        while (!((key, expected[key]) in early)) expected[key]++
        printf "gap\t%s\t%.0f\t%.0f\t%s\t%s\n", key, from, expected[key] - 1, place[key], early[key, expected[key]]
        advance(key)
    }
    END {
        for (i = 1; i <= known; i++) {
            key = order[i]
            while (waiting[key] > 0) skip(key)
            printf "run\t%s\t%.0f\t%s\t%s\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\n", key, run[key], first[key], latest[key], begun[key], ended[key],
                records[key], dropped[key], doubled[key], lowest[key]
        }
    }'
