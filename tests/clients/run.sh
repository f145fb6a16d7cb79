#!/usr/bin/env bash
# Lets real clients, each in its own process, talk to a gateway with a Redis and the lab's upstream behind it.
#
#   run.sh UPSTREAM GATEWAY [CLIENT...]   the two programs; without a CLIENT those of $FIRST, with DSLINE_TESTS_FULL=yes all
#
# The packages of the clients that are played are installed once, into $DSLINE_CLIENTS (~/.cache/dsline-clients). Exit 77:
# they, or a program that the stage needs, cannot be had here.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${DSLINE_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/dsline-clients}
# One SDK of each language, and those that are built upon another one or speak the same API once more.
FIRST=(curl flutter openai-python openai-node)
CLIENTS=("${FIRST[@]}" langchain-openai ai-sdk)
UPSTREAM=$1 GATEWAY=$2
shift 2
if [ "$#" -eq 0 ]; then
    if [ "${DSLINE_TESTS_FULL:-}" = yes ]; then set -- "${CLIENTS[@]}"; else set -- "${FIRST[@]}"; fi
fi

lacks() { echo "$1"; exit 77; }

# Installs again when a list has changed, into a new place that is moved in when it is whole.
install() {
    local name=$1; shift
    (cd "$HERE" && sha256sum --check --status "$CACHE/$name/stamp" 2>/dev/null) && return
    local new=$CACHE/$name
    rm -rf "$new" && mkdir -p "$new"
    "install_$name" "$new" >"$new/log" 2>&1 ||
        lacks "the $name clients cannot be installed (no network?): $(grep -iE 'err' "$new/log" | tail -n 1)"
    (cd "$HERE" && sha256sum "$@") >"$new/stamp"
}

install_python() { install_venv "$1" requirements.txt; }

install_langchain() { install_venv "$1" requirements-langchain.txt; }

install_venv() {
    python3 -m venv "$1/venv" && "$1/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$HERE/$2"
}

# No package's own script is run: the lists are pinned, what they would do is not.
install_node() {
    cp "$HERE/package.json" "$HERE/package-lock.json" "$1/" && npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
}

prepare() {
    case "$1" in
        openai-python) install python requirements.txt ;;
        langchain-openai) install langchain requirements.txt requirements-langchain.txt ;;
        openai-node | ai-sdk) install node package.json package-lock.json ;;
    esac
}

play() {
    local name=$1
    printf -- '-- %s\n' "$name"
    case "$name" in
        curl) python_tests python3 test_curl ;;
        flutter) python_tests python3 test_flutter ;;
        openai-python) python_tests "$CACHE/python/venv/bin/python" test_openai ;;
        langchain-openai) python_tests "$CACHE/langchain/venv/bin/python" test_langchain ;;
        openai-node) node_tests openai ;;
        ai-sdk) node_tests ai_sdk ;;
        *) echo "no client '$name'; there are: ${CLIENTS[*]}"; return 1 ;;
    esac
}

python_tests() {
    (cd "$HERE" && PYTHONDONTWRITEBYTECODE=1 LANGSMITH_TRACING=false python3 stage.py "$UPSTREAM" "$GATEWAY" "$1" -m unittest "$2" 2>&1)
}

# Node looks for packages beside the file, so the tests are played where the packages are.
node_tests() {
    cp "$HERE/control.mjs" "$HERE/$1.test.mjs" "$CACHE/node/" || return
    local code=0 out
    out=$(cd "$HERE" && python3 -B stage.py "$UPSTREAM" "$GATEWAY" node --test --test-reporter=tap "$CACHE/node/$1.test.mjs" 2>&1) || code=$?
    # TAP's points of the file's own level, in the words that tests/run.sh counts.
    sed -nE 's/^(    )?ok [0-9]+ - /accepted /p; s/^(    )?not ok [0-9]+ - /REFUSED /p' <<<"$out" | grep -v '\.test\.mjs$'
    [ "$code" = 0 ] || echo "$out"
    return "$code"
}

for tool in redis-server curl python3 node npm; do command -v "$tool" >/dev/null || lacks "no $tool here"; done
for name in "$@"; do prepare "$name"; done
failed=
for name in "$@"; do play "$name" || failed=yes; done
[ -z "$failed" ]
