#!/usr/bin/env bash
# Builds the node images, full and light, from apt's own mirror, once for each state of this script and image/.
#
#   image.sh [build]   build what is missing; prints the two tags
#   image.sh tags      print the two tags ("node=…", "light=…") without building
#
# Nothing is pulled: debootstrap makes Debian 13's smallest system, apt fills it, `docker import` takes it in.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE="${DSLINE_LAB_STATE:-/var/lib/dsline-lab}"
SUITE=trixie
WORK="$STATE/image"
ROOT="$WORK/root"
LOG="$WORK/build.log"
KEY=$(cd "$HERE" && sha256sum image.sh image/* | sha256sum | cut -c1-12)
NODE="dsline-lab/node:$KEY"
LIGHT="dsline-lab/light:$KEY"

say() { printf 'image: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
tags() { printf 'node=%s\nlight=%s\n' "$NODE" "$LIGHT"; }
built() { docker image inspect "$1" >/dev/null 2>&1; }
packages() { sed 's/#.*//' "$HERE/image/$1.packages"; }

# The first Debian archive of a sort (main, security) that apt itself uses: no host name is written here.
archive() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' |
        awk -v want="$1" '$3 == "main" && $4 == "Debian" { sort = $2 ~ /-security|\/updates/ ? "security" : $2 ~ /-/ ? "other" : "main"
                          if (sort == want && !seen++) print $1 }'
}

inside() {
    chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

add() {
    inside apt-get install -qy --no-install-recommends "$@"
}

# Docker's copy of the tree, without what only the build needed.
import() {
    local tag=$1; shift
    tar -C "$ROOT" --one-file-system --numeric-owner --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* \
        --exclude=./run/* --exclude=./tmp/* --exclude=./var/cache/apt/* --exclude=./var/lib/apt/lists/* \
        --exclude=./var/cache/debconf/*-old --exclude=./var/log/apt --exclude=./var/log/*.log \
        --exclude=./etc/ssh/ssh_host_* --exclude=./usr/sbin/policy-rc.d --exclude=./etc/dpkg/dpkg.cfg.d/lab-build \
        --exclude=./etc/apt/apt.conf.d/lab-build --exclude=./etc/hostname --exclude=./etc/resolv.conf -c . |
        docker import "$@" - "$tag" >/dev/null
}

# Runs in a mount namespace of its own: whatever it mounts goes away with it, however it ends.
assemble() {
    local mirror security available
    mirror=$(archive main)
    security=$(archive security)
    [ -n "$mirror" ] || fail "apt knows no Debian archive to build from (apt-get indextargets; is 'apt-get update' needed, is this Debian?)."

    mkdir -p "$ROOT" "$WORK/debs/partial"
    available=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    # dpkg syncs every file; in memory that costs nothing. The tree is about 1.3 GB.
    if [ "$available" -gt 5000 ]; then mount -t tmpfs -o size=3g,mode=755 tmpfs "$ROOT"; else rm -rf "$ROOT"; mkdir "$ROOT"; fi

    say "debootstrap"
    debootstrap --variant=minbase --cache-dir="$WORK/debs" "$SUITE" "$ROOT" "$mirror"
    mount -t proc proc "$ROOT/proc"
    mount --bind "$WORK/debs" "$ROOT/var/cache/apt/archives"
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
    chmod 755 "$ROOT/usr/sbin/policy-rc.d"
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/info/*' >"$ROOT/etc/dpkg/dpkg.cfg.d/lab-build"
    printf '%s\n' 'Acquire::Languages "none";' 'Acquire::Check-Valid-Until "false";' >"$ROOT/etc/apt/apt.conf.d/lab-build"
    printf 'deb %s %s main\n' "$mirror" "$SUITE" >"$ROOT/etc/apt/sources.list"
    if [ -n "$security" ]; then printf 'deb %s %s-security main\n' "$security" "$SUITE" >>"$ROOT/etc/apt/sources.list"; fi
    inside apt-get update -q

    if ! built "$LIGHT"; then
        say "light node"
        # shellcheck disable=SC2046
        add $(packages light)
        install -m 755 "$HERE/image/light-start" "$ROOT/usr/sbin/lab-start"
        import "$LIGHT" --change 'ENTRYPOINT ["/usr/sbin/lab-start"]'
    fi
    say "full node"
    # shellcheck disable=SC2046
    add $(packages light) $(packages node)
    install -m 755 "$HERE/image/node-start" "$ROOT/usr/sbin/lab-start"
    cp "$HERE/image/dress" "$ROOT/tmp/dress"
    inside sh /tmp/dress
    import "$NODE" --change 'ENTRYPOINT ["/usr/sbin/lab-start"]'
}

# Images of other states of this script; one that a container uses stays, as docker refuses to remove it.
forget_old() {
    docker image ls --format '{{.Repository}}:{{.Tag}}' --filter reference='dsline-lab/*' |
        grep -v ":$KEY\$" | xargs -r docker image rm >/dev/null 2>&1 || true
}

build() {
    if built "$NODE" && built "$LIGHT"; then tags; return; fi
    [ "$(id -u)" = 0 ] || fail "building the node images needs root (debootstrap)."
    command -v debootstrap >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap >"$LOG" 2>&1 ||
        fail "debootstrap could not be installed; see $LOG"
    say "building $NODE and $LIGHT (log: $LOG)"
    unshare --mount --propagation private "$0" assemble >"$LOG" 2>&1 ||
        fail "the build failed; the end of $LOG: $(tail -n 5 "$LOG")"
    built "$NODE" && built "$LIGHT" || fail "the build ended without an image; see $LOG"
    forget_old
    tags
}

case "${1:-build}" in
    tags) tags ;;
    assemble) assemble ;;
    build)
        mkdir -p "$WORK"
        exec 9>"$WORK/lock"
        flock 9
        build
        ;;
    *) fail "unknown word '$1'; known: build, tags" ;;
esac
