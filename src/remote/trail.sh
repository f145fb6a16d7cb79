# Prints a page of a node's audit trail: lines from where the last page ended, oldest first, over rotated files.
# $1 the trail's folder. On standard input, a line each: the cursor (file, inode, bytes; or nothing), seconds and text of
# the time before which nothing is wanted, a text that lines must hold, the page's bytes, and how many last lines are
# wanted when there is no cursor. The page's last line is the next cursor.
set -u
export LC_ALL=C
live=$1/api_audit.log
read -r name inode bytes || true
read -r seconds since || true
IFS= read -r text || true
read -r limit || true
read -r last || true

# Oldest first, without .gz: a file keeps its name when it is compressed.
files() {
    for file in "$live"-*; do
        [ ! -e "$file" ] || printf '%s\n' "${file%.gz}"
    done | sort -u
    printf '%s\n' "$live"
}

inode_of() { stat --format %i "$1" 2>/dev/null || echo 0; }

content() { if [ -e "$1" ]; then cat "$1"; else gzip -dc "$1.gz"; fi 2>/dev/null; }

is_too_old() {
    [ -n "${seconds:-}" ] && [ "$1" != "$live" ] || return 1
    changed=$(stat --format %Y "$1" 2>/dev/null || stat --format %Y "$1.gz" 2>/dev/null) && [ "$changed" -lt "$seconds" ]
}

# Where the last lines begin: sets the cursor.
find_last() {
    wanted=$last
    for file in $(files | tac); do
        count=$(content "$file" | wc -l)
        name=${file##*/} inode=$(inode_of "$file")
        if [ "$count" -ge "$wanted" ]; then
            bytes=$(content "$file" | head -n "$((count - wanted))" | wc -c)
            return
        fi
        wanted=$((wanted - count)) bytes=0
    done
}

# The file that the cursor is in, which may have been given a date, or been compressed, since.
find_cursor() {
    for file in $(files); do
        if { [ "$inode" != 0 ] && [ "$(inode_of "$file")" = "$inode" ]; } || { [ "${file##*/}" = "$name" ] && [ "$file" != "$live" ]; }; then
            printf '%s\n' "$file"
            return
        fi
    done
    # It is older than what is kept: go on with the oldest.
    files | head -n 1
}

# Each file after a line with its name; what follows its last whole line ends in a mark.
print_from() {
    for file in $(files); do
        if [ -n "$1" ]; then
            [ "$file" = "$1" ] || continue
            set -- ''
        elif is_too_old "$file"; then
            continue
        else
            bytes=0
        fi
        printf '\002 %s %s %s\n' "${file##*/}" "$(inode_of "$file")" "$bytes"
        content "$file" | tail -c "+$((bytes + 1))"
        printf '\001\n'
    done
}

[ -n "${name:-}" ] || [ -z "${last:-}" ] || find_last
from=
[ -z "${name:-}" ] || from=$(find_cursor)
[ -z "$from" ] || [ "$(inode_of "$from")" = "$inode" ] || [ "${from##*/}" = "$name" ] || bytes=0
print_from "$from" 2>/dev/null | text=$text awk -v since="${since:-}" -v limit="$limit" '
    BEGIN { text = ENVIRON["text"]; state = "end" }
    $1 == "\002" { name = $2; inode = $3; bytes = $4; next }
    # The end of a file; a line that is still being written is read again.
    /\001$/ { next }
    {
        bytes += length($0) + 1
        if (since != "" && substr($2, 1, 19) < since) next
        if (text != "" && !index($0, text)) next
        print
        printed += length($0) + 1
        if (printed >= limit) { state = "more"; exit }
    }
    END { printf "cursor %s %s %s %.0f\n", state, name, inode, bytes }'
