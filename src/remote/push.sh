# Makes a release live: stores its parts, has the real programs judge them, switches, looks, and goes back if it fails.
# $1 the release's digest   $2 its parts, as name=digest ...   $3 digests of the parts in the archive on standard input
# $4 names of the parts whose programs must take notice   $5 the links into the live release, as path=target ...
# The answer's first line is the verdict; the end of what a program said follows.
set -u
umask 022
# Whoever waits for the answer may be gone: the work is finished all the same.
trap '' HUP PIPE
export LC_ALL=C
home=/var/lib/dsline
release=$1 parts=$2 sent=$3 touched=$4 links=$5
new=$home/releases/$release.part
previous=

# Not on the disk, which may be full: then its log is what tells.
log=$(mktemp -p /run) incoming=$(mktemp -d $home/incoming.XXXXXX)
trap 'rm -rf "$log" "$new" "$incoming"' EXIT
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
digest_of() { for part in $parts; do [ "${part%%=*}" != "$1" ] || echo "${part#*=}"; done; }

if docker compose version >/dev/null; then compose_program='docker compose'; else compose_program=docker-compose; fi
# Each start is a project of its own, so that one gateway can run beside another.
project=dsline
compose() {
    folder=$(realpath "$1") && shift &&
        $compose_program --project-name "$project" --project-directory "$folder" --file "$folder/compose.yaml" "$@"
}

# ---- Storing

store_part() {
    cd "$incoming/$1" &&
        find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum >"$incoming/$1.sha256" &&
        find . ! -type d -printf '%P %m %U:%G\n' | sort >"$incoming/$1.list" &&
        find . "$incoming/$1.sha256" "$incoming/$1.list" -type f -exec sync -d {} + &&
        cd $home/parts || return
    # The list of sums comes last: without it a part does not count as stored.
    rm -rf "$1.spoilt" "$1.sha256"
    if [ -e "$1" ]; then mv -T "$1" "$1.spoilt" || return; fi
    mv -T "$incoming/$1" "$1" && mv -T "$incoming/$1.list" "$1.list" && mv -T "$incoming/$1.sha256" "$1.sha256"
    rm -rf "$1.spoilt"
}

store() {
    mkdir -p $home/parts $home/releases
    rm -rf $home/releases/*.part
    for digest in $sent; do
        store_part "$digest" || verdict unfinished "part $digest could not be stored"
    done
    mkdir "$new"
    for part in $parts; do
        digest=${part#*=}
        has_word "$sent" "$digest" ||
            (cd "$home/parts/$digest" && sha256sum --check --status "../$digest.sha256") || verdict spoilt "$digest"
        ln -s "../../parts/$digest" "$new/${part%%=*}"
    done
}

# ---- Judging, by the programs themselves, of files that nothing reads yet

check_nginx() { nginx -t -q -c "$new/nginx/nginx.conf"; }

check_redis() {
    room=$(mktemp -d) && chown redis: "$room"
    ask="redis-cli -s $room/socket"
    setpriv --reuid redis --regid redis --init-groups redis-server "$new/redis/redis.conf" --port 0 \
        --unixsocket "$room/socket" --requirepass '' --dir "$room" --save '' --supervised no --daemonize no &
    server=$!
    for _ in $(seq 100); do
        sleep 0.05
        if [ "$($ask ping 2>/dev/null)" = PONG ]; then break; fi
        kill -0 $server 2>/dev/null || break
    done
    $ask shutdown nosave 2>/dev/null || kill $server 2>/dev/null
    wait $server
    result=$?
    rm -rf "$room"
    return $result
}

check_rsyslog() { rsyslogd -N1 -f "$new/rsyslog/dsline.conf"; }

# It only warns of what it does not know, skips the block, and reports success.
check_logrotate() {
    said=$(logrotate -d "$new/logrotate/dsline" 2>&1)
    result=$?
    if printf '%s\n' "$said" | grep -v 'in debug mode' | grep -E '^(error|warning):'; then return 1; fi
    return $result
}

check_gateway() {
    image=dsline-gateway:$(digest_of image)
    compose "$new/gateway" config --quiet || return
    docker image inspect "$image" >/dev/null || compose "$new/gateway" build || return
    gateway=$(realpath "$new/gateway")
    docker run --rm --network none --read-only --cap-drop ALL --user 65532:65532 \
        --volume "$gateway/gateway.toml:/etc/dsline/gateway.toml:ro" --volume "$gateway/secrets:/run/secrets:ro" \
        "$image" --config /etc/dsline/gateway.toml --check
}

judge() {
    for part in nginx redis rsyslog logrotate gateway; do
        ! touches $part || quietly check_$part || verdict invalid $part
    done
}

# ---- Switching

switch() {
    ln -sfn "releases/$1" $home/current.next && mv -T $home/current.next $home/current
}

# Links whose file the live release does not have are taken away: some programs stumble over them.
place_links() {
    for link in $links; do
        path=${link%%=*} file=$home/current/${link#*=}
        if [ ! -e "$file" ]; then
            [ ! -L "$path" ] || rm -f "$path"
        elif [ "$(readlink "$path")" != "$file" ]; then
            mkdir -p "${path%/*}" && ln -sfT "$file" "$path"
        fi
    done
}

gateways() { docker ps --all --quiet --filter label=com.docker.compose.service=gateway; }

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
    [ "$from" = "$(basename "$(readlink $home/current)")" ] || ! cmp -s "$home/releases/$from/$1" "$home/current/$1"
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
    trouble= started=
    if touches system; then
        systemctl daemon-reload
        # A container of the lab may not set it; Redis says so in its own log.
        sysctl -q -p $home/current/system/sysctl.conf
        systemctl restart systemd-journald
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

go_back() {
    if [ -n "$previous" ]; then
        from=$release
        switch "$previous" && place_links && tell && is_well 20 && retire_gateways
    else
        gateways | xargs --no-run-if-empty docker rm --force
        rm -f $home/current
        place_links
        systemctl stop nginx
        systemctl daemon-reload
        systemctl restart rsyslog redis-server
    fi
}

fail() {
    failure=$trouble
    logs=$(gather_logs)
    outcome=kept
    if [ "$previous" != "$release" ]; then
        if go_back; then outcome=reverted; else outcome=stuck; fi
        rm -rf "${home:?}/releases/$release"
    fi
    { printf 'unhealthy\t%s\t%s\n' "$failure" $outcome; printf '%s\n' "$logs"; } >&3
    exit 0
}

# ---- Tidying: the newest five releases stay, with their parts and images

prune() {
    cd $home/releases && ls -1t | tail -n +6 | while read -r old; do
        [ "$old" = "$release" ] || rm -rf "./$old"
    done
    used=" $(find $home/releases -mindepth 2 -type l -printf '%l\n' | sed 's,.*/,,' | tr '\n' ' ')"
    for folder in $home/parts/*/; do
        digest=$(basename "$folder")
        if has_word "$used" "$digest"; then continue; fi
        [ ! -e "$folder/Dockerfile" ] || docker image rm "dsline-gateway:$digest"
        rm -rf "$home/parts/$digest.sha256" "$home/parts/$digest.list" "$folder"
    done
}

# ---- The story

find $home -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -rf {} +
[ -n "$incoming" ] && tar -xpmf - -C "$incoming" || verdict unfinished 'the archive could not be unpacked'
# Not before: an operator whose connection froze while it sent would hold the node for hours.
exec 9>$home/push.lock
flock -w 60 9 || verdict unfinished 'another push holds the node'
store
judge
if live=$(readlink $home/current); then previous=${live##*/}; fi
draining=$(! is_draining || echo yes)
if [ "$previous" != "$release" ]; then
    rm -rf "${home:?}/releases/$release"
    mv -T "$new" "$home/releases/$release" || verdict unfinished 'the release could not be put in its place'
    switch "$release" || verdict unfinished 'the release could not be switched to'
else
    rm -rf "$new"
fi
place_links
from=$previous
tell && is_well 30 || fail
retire_gateways
touch "$home/releases/$release"
prune
: >"$log"
verdict live
