#!/usr/bin/env bash
# Fetches the Core Rule Set's own tests, of the version that Debian 13 ships, into a folder: source.sh DIR
#
# They are in the source of the package modsecurity-crs, which apt gets from the archive that it uses anyway; its lists
# and sources stay as they are. Prints the folder of the tests. Exit 77: apt knows no archive.
set -euo pipefail

ROOT=${1:?usage: source.sh DIR}
SUITE=trixie
mkdir -p "$ROOT/lists/partial"
cd "$ROOT"

found() { find "$ROOT" -maxdepth 4 -type d -path '*/tests/regression/tests' | head -n 1; }

if [ -z "$(found)" ]; then
    archive=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(ORIGIN) $(RELEASE)' |
        awk '$2 == "main" && $3 == "Debian" && $4 !~ /-/ && !seen++ { print $1 }')
    [ -n "$archive" ] || { echo "apt knows no Debian archive"; exit 77; }
    printf 'deb-src %s %s main\n' "$archive" "$SUITE" >sources.list
    options=(-o Dir::Etc::sourcelist="$ROOT/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$ROOT/lists"
        -o Acquire::Languages=none -o APT::Sandbox::User=root)
    { apt-get "${options[@]}" update -q && apt-get "${options[@]}" source -q --download-only modsecurity-crs; } >log 2>&1 ||
        { tail -n 3 log; exit 77; }
    tar -xzf modsecurity-crs_*.orig.tar.gz
fi
found
