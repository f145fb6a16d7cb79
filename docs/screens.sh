#!/usr/bin/env bash
# Draws docs/plan.txt and docs/status.txt, which are what `dsline plan` and `dsline status` print, into pictures beside them.
#
#   screens.sh                draws the texts that are there
#   screens.sh --capture      takes the texts anew from a lab with its line (examples/lab/up.sh), then draws them
#
# The plan is that of a line which is not there yet; the status that of the lab's line, after somebody has changed a file on a node.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=examples/lab/paths.sh
. "$HERE/../examples/lab/paths.sh"

# What is pending or unhealthy has an exit code of its own, and is shown all the same.
capture() {
    local name=$1 code=0
    shift
    "$@" >"$HERE/$name.txt.part" || code=$?
    case $code in 0 | 2 | 3) mv "$HERE/$name.txt.part" "$HERE/$name.txt" ;; *) rm -f "$HERE/$name.txt.part" && fail "\`$*\` ended with exit code $code" ;; esac
}

# A terminal's screen: one element a line, since SVG does not break lines; spaces that do not break, since browsers join others.
draw() {
    python3 - "$HERE/$1.txt" "$HERE/$1.svg" "dsline $1" <<'PY'
import html, sys
NBSP = "\u00a0"
source, place, command = sys.argv[1:]
with open(source) as file:
    lines = ["$ " + command, ""] + file.read().rstrip().split("\n")
width, height = 8 * max(map(len, lines)) + 40, 18 * len(lines) + 34
rows = "\n".join(f'<text x="20" y="{32 + 18 * n}">{html.escape(line).replace(" ", NBSP)}</text>' for n, line in enumerate(lines) if line)
with open(place, "w") as file:
    file.write(f'''<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="13" fill="#e6edf3">
<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>
{rows}
</svg>
''')
PY
}

case "${1:-}" in
    '') ;;
    --capture)
        # shellcheck disable=SC1091
        . "$STATE/env"
        export NO_COLOR=1
        WORK=$(mktemp -d)
        trap 'rm -rf "$WORK"' EXIT
        sed -e 's/^name = .*/name = "demo"/' -e "s/^host = .*/host = \"demo.$ZONE\"/" "$DSLINE_PROFILE" >"$WORK/demo.toml"
        mkdir -p "$WORK/dsline"
        (umask 077 && cp "$XDG_CONFIG_HOME/dsline/lab.secret" "$WORK/dsline/demo.secret")
        XDG_CONFIG_HOME=$WORK capture plan dsline plan --profile "$WORK/demo.toml"
        for place in asia europe america asia; do chat "$place" 'Why is the sky blue?' >/dev/null; done
        dsline exec --on eu-west-1/1 -- "sudo sh -c 'echo \"# by hand\" >>/var/lib/dsline/current/nginx/nginx.conf'" >/dev/null
        capture status dsline status
        dsline up --yes >/dev/null
        ;;
    *) fail "unknown word '$1'; known: --capture" ;;
esac
draw plan
draw status
