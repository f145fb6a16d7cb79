# What pushing, confirming and going back share: words for the operator, and how a stored release becomes the live one.
set -u
umask 022
# Whoever waits for the answer may be gone: the work is finished all the same.
trap '' HUP PIPE
export LC_ALL=C
home=/var/lib/dsline
# The release that shall be live, the one that was, and the one to go back to; a release is named by its number.
number='' from='' fallback='' deadline=''
touched='' trouble='' started='' draining=''
# Not on the disk, which may be full: then its log is what tells.
log=$(mktemp -p /run)
exec 3>&1 >>"$log" 2>&1

# Prints where there is no room any more, in bytes or in files, for a release and an image.
full_places() {
    for place in $home /var/lib/docker /tmp; do
        df --output=avail,iavail,itotal --block-size=M $place 2>/dev/null | awk -v place="$place" '
            NR == 2 && $1 + 0 < 8 { printf "%s: %d MiB left, ", place, $1 }
            NR == 2 && $3 > 0 && $2 < 64 { printf "%s: room for %d more files, ", place, $2 }'
    done | sed 's/, $//'
}

# Ends everything: the words of the verdict, then the end of the log. Whatever fails on a full disk fails for that.
verdict() {
    full=
    case $1 in
        unfinished | invalid)
            full=$(full_places)
            # A program that gave up has tidied up after itself.
            [ -n "$full" ] || ! grep -qi 'no space left on device' "$log" || full='no space left, says a program'
            ;;
    esac
    [ -z "$full" ] || set -- full "$full"
    { printf '%s' "$1"; shift; [ $# -eq 0 ] || printf '\t%s' "$@"; echo; tail -n 20 "$log"; } >&3
    exit 0
}
quietly() { "$@" >"$log" 2>&1 </dev/null; }
has_word() { case " $1 " in *" $2 "*) true ;; *) false ;; esac; }
touches() { has_word "$touched" "$1"; }

# Only one at a time: the operator's command, the timer, the start of the node.
take_lock() {
    exec 9>$home/push.lock
    flock -w "$1" 9
}

if docker compose version >/dev/null; then compose_program='docker compose'; else compose_program=docker-compose; fi
# Each start is a project of its own, so that one gateway can run beside another.
project=dsline
compose() {
    folder=$(realpath "$1") && shift &&
        $compose_program --project-name "$project" --project-directory "$folder" --file "$folder/compose.yaml" "$@"
}

# ---- Releases: a folder of links to parts, with what is known of it

live() { basename "$(readlink $home/current)" 2>/dev/null; }

# Writes a small file so that it is there as a whole or not at all, also after the power went.
put() {
    cat >"$1.next" && sync -d "$1.next" && mv -T "$1.next" "$1" && sync "${1%/*}"
}

state_of() { cat "$home/releases/$1/state" 2>/dev/null; }

mark() { printf '%s\n' "$2" | put "$home/releases/$1/state"; }

# Whether somebody has confirmed it once; one that was left since can be gone back to by its number only.
was_confirmed() { case $(state_of "$1") in healthy | left) true ;; *) false ;; esac; }

# Names of the parts in which two releases differ.
differing() {
    for part in gateway image logrotate nginx redis rsyslog system; do
        [ "$(readlink "$home/releases/$1/$part")" = "$(readlink "$home/releases/$2/$part")" ] || printf '%s ' "$part"
    done
}

# ---- The timer: the file outlives a reboot, after which a unit of its own looks for it

uptime_seconds() { cut -d . -f 1 /proc/uptime; }

read_pending() {
    number='' fallback='' deadline=''
    # shellcheck disable=SC2034 # the guard asks for it
    [ ! -s $home/pending ] || read -r number fallback deadline <$home/pending
}

# Unless somebody confirms within so many seconds, the node goes back by itself.
arm() {
    echo "$number $fallback $(($(uptime_seconds) + $1))" | put $home/pending &&
        systemd-run --quiet --collect --on-active="$1" --timer-property=AccuracySec=1s \
            --property=Restart=on-failure --property=RestartSec=10 \
            --property=StartLimitIntervalSec=600 --property=StartLimitBurst=4 /bin/sh $home/guard expire
}

# ---- Switching

switch_to() {
    ln -sfn "releases/$1" $home/current.next && mv -T $home/current.next $home/current
}

# Links whose file the live release does not have are taken away: some programs stumble over them.
place_links() {
    while IFS='=' read -r path target; do
        file=$home/current/$target
        if [ ! -e "$file" ]; then
            [ ! -L "$path" ] || rm -f "$path"
        elif [ "$(readlink "$path")" != "$file" ]; then
            mkdir -p "${path%/*}" && ln -sfT "$file" "$path"
        fi
    done <$home/links
}

# A machine may run other people's containers, and one of them may be called the same.
gateways() {
    docker ps --all --quiet --filter label=com.docker.compose.service=gateway | while read -r container; do
        case $(project_of "$container") in dsline | dsline-*) echo "$container" ;; esac
    done
}

project_of() { docker inspect --format '{{ index .Config.Labels "com.docker.compose.project" }}' "$1"; }

# Which socket the name leads to: another one as soon as another gateway has taken it over.
socket_of_gateway() { stat --format '%i %z' $home/sockets/gateway.sock 2>/dev/null; }

# A new gateway starts beside the old one and takes its sockets over, so nobody is refused and nothing is cut.
start_gateway() {
    systemctl start docker || return
    install -d -m 2750 -o 65532 -g www-data $home/sockets && install -d -m 2750 -o 65532 -g adm $home/spool || return
    install -d -m 2750 -o root -g 65532 $home/revoked || return
    if ! grep -q $home/sockets $home/current/gateway/compose.yaml; then
        # A release from before the sockets: its container has fixed ports, so there can be one only.
        project=dsline
        compose $home/current/gateway up --detach --no-build && started=yes
        return
    fi
    project=dsline-$(date +%s%N)
    before=$(socket_of_gateway)
    compose $home/current/gateway up --detach --no-build || return
    for _ in $(seq 150); do
        sleep 0.1
        if [ "$(socket_of_gateway)" != "$before" ]; then started=yes; return 0; fi
    done
    echo 'it did not take over within 15 s'
    docker logs --tail 20 "$(compose $home/current/gateway ps --all --quiet)"
    # It serves nobody, and need not be waited for.
    compose $home/current/gateway down --timeout 5
    return 1
}

# All but the newest answer what they have, and end by themselves; those that have ended go away. Not before nginx is
# known to ask the newest: the one before the first with sockets is asked by another way.
retire_gateways() {
    [ -n "$started" ] || return 0
    for container in $(gateways); do
        if [ "$(project_of "$container")" = "$project" ]; then continue; fi
        state=$(docker inspect --format '{{ .State.Running }} {{ .HostConfig.RestartPolicy.Name }}' "$container")
        case $state in
            # Told by an earlier push; a second word would end its streams at once.
            'true no') ;;
            'true '*) docker update --restart no "$container" && docker kill --signal TERM "$container" ;;
            *) docker rm "$container" ;;
        esac
    done
}

# Whether a file is not what it was in the release that was live before; also when there was none, or it was mended.
differs() {
    [ "$from" = "$(live)" ] || ! cmp -s "$home/releases/$from/$1" "$home/current/$1"
}

# A restart would cut every stream of the node: only one that does not read the live release yet is started anew.
start_nginx() {
    process=$(systemctl show --property MainPID --value nginx)
    if systemctl is-active --quiet nginx && grep -q $home/current/nginx/nginx.conf "/proc/$process/cmdline"; then
        systemctl reload nginx
    else
        systemctl restart nginx
    fi
}

# Tells the programs, in the order in which they need each other; prints nothing, sets `trouble` if one does not take it.
tell() {
    trouble='' started=''
    if touches system; then
        systemctl daemon-reload
        # A container of the lab may not set it; Redis says so in its own log.
        sysctl -q -p $home/current/system/sysctl.conf
        systemctl restart systemd-journald
        # Not without rules of the release: Debian's own would flush Docker's, and on a machine of the operator's own they
        # are the owner's.
        if grep -q '^table' $home/current/system/nftables.conf 2>/dev/null; then
            { systemctl enable --quiet nftables && quietly systemctl reload-or-restart nftables; } ||
                trouble='nftables does not take its file'
        fi
    fi
    if touches logrotate; then systemctl enable --now --quiet logrotate.timer; fi
    if touches rsyslog; then quietly systemctl restart rsyslog || trouble='rsyslog does not start'; fi
    if touches redis || { touches system && differs system/redis-server.service.conf; }; then
        quietly systemctl restart redis-server || trouble='redis-server does not start'
    fi
    if [ -z "$trouble" ] && { touches gateway || touches image; }; then
        quietly start_gateway || trouble='the gateway does not start'
    fi
    if [ -z "$trouble" ] && { touches nginx || touches system; }; then
        quietly start_nginx || trouble='nginx does not take its files'
    fi
    [ -z "$trouble" ]
}

# ---- Looking

code() { curl -s -o /dev/null -w '%{http_code}' --max-time 3 "$1"; }

# Where the live release's gateway has its other side; before the sockets it was a port of the container's own.
operator() {
    if grep -q 'listen 127.0.0.1:8082;' $home/current/nginx/nginx.conf; then port=8082; else port=8081; fi
    echo "http://127.0.0.1:$port/$1"
}

is_draining() { curl -sf --max-time 2 "$(operator status)" | grep -q '"draining": *true'; }

find_trouble() {
    for unit in rsyslog redis-server docker nginx; do
        state=$(systemctl is-active $unit) || { echo "$unit is $state"; return; }
    done
    # A drained node stays drained across a push, and says 503 on purpose.
    expected=200
    if [ -n "$draining" ]; then
        expected=503
        curl -s -o /dev/null --max-time 2 -X POST "$(operator drain)"
    fi
    answer=$(code "$(operator readyz)")
    [ "$answer" = $expected ] || { echo "the gateway answers /readyz with $answer"; return; }
    answer=$(code http://127.0.0.1/healthz)
    [ "$answer" = $expected ] || echo "nginx answers /healthz with $answer"
}

is_well() {
    end=$(($(date +%s) + $1))
    while trouble=$(find_trouble); [ -n "$trouble" ]; do
        [ "$(date +%s)" -lt $end ] || return 1
        sleep 0.2
    done
}

# ---- Going back

gather_logs() {
    case $trouble in
        *rsyslog*) unit=rsyslog ;;
        *redis*) unit=redis-server ;;
        *nginx*) unit=nginx ;;
        *) unit=docker ;;
    esac
    cat "$log"
    echo "-- $unit --"
    journalctl --quiet --no-pager --output cat --unit $unit --lines 8
    echo "-- the gateway's container --"
    docker logs --tail 20 "$(docker ps --all --latest --quiet --filter label=com.docker.compose.service=gateway)" 2>&1
}

# Makes the confirmed release live again; $1 is why.
go_back() {
    touched="$touched $(differing "$number" "$fallback")"
    from=$number
    switch_to "$fallback" && place_links && tell && is_well 40 || return
    retire_gateways
    if ! was_confirmed "$number"; then
        # A release that failed is only remembered.
        mark "$number" "failed	$1"
        find "$home/releases/$number" -type l -delete
    fi
    rm -f $home/pending
    sync $home
}

# Takes a first release away: there is nothing to go back to.
take_away() {
    gateways | xargs --no-run-if-empty docker rm --force
    rm -f $home/current
    place_links
    systemctl stop nginx
    systemctl daemon-reload
    systemctl restart rsyslog redis-server
    rm -rf "${home:?}/releases/$number"
}

fail() {
    failure=$trouble
    logs=$(gather_logs)
    outcome=kept
    if [ -n "$fallback" ]; then
        if go_back "$failure"; then outcome=reverted; else outcome=stuck; fi
    elif [ "$from" != "$number" ]; then
        if take_away; then outcome=reverted; else outcome=stuck; fi
    fi
    { printf 'unhealthy\t%s\t%s\n' "$failure" $outcome; printf '%s\n' "$logs"; } >&3
    exit 0
}

# ---- Making a release live: $1 its number, $2 the parts to tell of, $3 seconds in which somebody must confirm it

make_live() {
    read_pending
    # One that nobody has confirmed is nothing to go back to.
    from=$(live) fallback=${fallback:-$from}
    number=$1 touched=$2 window=$3
    draining=$(! is_draining || echo yes)
    if [ "$fallback" = "$number" ]; then
        fallback=''
        rm -f $home/pending
    fi
    # Longer at first: a gateway may take its time.
    [ -z "$fallback" ] || arm $((window + 60)) || verdict unfinished 'the timer that takes the release back could not be set'
    if [ "$from" != "$number" ]; then
        switch_to "$number" || verdict unfinished 'the release could not be switched to'
    fi
    place_links
    tell && is_well 30 || fail
    retire_gateways
    [ -z "$fallback" ] || arm "$window" || fail
}

# ---- Tidying: the newest five releases stay, with their parts and images, and what is known of the last that failed

releases_where() {
    for folder in $home/releases/*/; do
        folder=$(basename "$folder")
        case $(state_of "$folder") in failed*) kind=failed ;; *) kind=whole ;; esac
        [ $kind != "$1" ] || echo "$folder"
    done | sort -rn
}

prune() {
    # Releases had digests for names once.
    find $home/releases -mindepth 1 -maxdepth 1 -name '*[!0-9]*' ! -name "$(live)" -exec rm -rf {} +
    { releases_where whole | tail -n +6; releases_where failed | tail -n +6; } | while read -r old; do
        [ "$old" = "$(live)" ] || rm -rf "${home:?}/releases/$old"
    done
    used=" $(find $home/releases -mindepth 2 -type l -printf '%l\n' | sed 's,.*/,,' | tr '\n' ' ')"
    for folder in $home/parts/*/; do
        digest=$(basename "$folder")
        if has_word "$used" "$digest"; then continue; fi
        [ ! -e "$folder/Dockerfile" ] || docker image rm "dsline-gateway:$digest"
        rm -rf "$home/parts/$digest.sha256" "$home/parts/$digest.list" "$folder"
    done
}
