# Brings a release onto the node: stores its parts, has the real programs judge them, and makes it live under a timer.
# $1 the release's digest   $2 its parts, as name=digest ...   $3 digests of the parts in the archive on standard input
# $4 names of the parts whose programs must take notice   $5 the links into the live release, as path=target ...
# $6 its number, if that is free   $7 who pushes   $8 why   $9 seconds in which somebody must confirm it
# The answer's first line is the verdict; the end of what a program said follows. `release.sh` stands in front of this.
# shellcheck disable=SC2154
release=$1 parts=$2 sent=$3
new=$home/releases/$release.part
incoming=$(mktemp -d $home/incoming.XXXXXX)
trap 'rm -rf "$log" "$new" "$incoming"' EXIT

digest_of() { for part in $parts; do [ "${part%%=*}" != "$1" ] || echo "${part#*=}"; done; }

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
    # nginx opens the file for its verdicts there also when it only checks.
    install -d -m 2750 -o root -g adm $home/waf || verdict unfinished 'the folder for verdicts could not be made'
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

# What takes a release back lies on the node before any release is live.
install_guard() {
    cmp -s "$incoming/guard" $home/guard || put $home/guard <"$incoming/guard" || return
    printf '%s\n' $1 | put $home/links || return
    unit=/etc/systemd/system/dsline-revert.service
    if ! cmp -s "$incoming/revert.service" $unit; then
        put $unit <"$incoming/revert.service" && systemctl daemon-reload || return
    fi
    systemctl is-enabled --quiet dsline-revert.service || systemctl enable --quiet dsline-revert.service
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

check_system() { nft -c -f "$new/system/nftables.conf"; }

# It also looks for the files that are named, which lie where they will be read only after the switch.
check_rsyslog() {
    sed "s,$home/current/,$new/,g" "$new/rsyslog/dsline.conf" >"$incoming/rsyslog.conf" && rsyslogd -N1 -f "$incoming/rsyslog.conf"
}

# It only warns of what it does not know, skips the block, and reports success.
check_logrotate() {
    said=$(logrotate -d "$new/logrotate/dsline" 2>&1)
    result=$?
    if printf '%s\n' "$said" | grep -v 'in debug mode' | grep -E '^(error|warning):'; then return 1; fi
    return $result
}

check_gateway() {
    image=dsline-gateway:$(digest_of image)
    gateway=$(realpath "$new/gateway")
    compose "$new/gateway" config --quiet || return
    docker image inspect "$image" >/dev/null || compose "$new/gateway" build || return
    start_trial --rm --network none "$image" --config /etc/dsline/gateway.toml --check && check_keys && try_gateway
}

start_trial() {
    docker run --read-only --cap-drop ALL --security-opt no-new-privileges --user 65532:65532 \
        --volume "$gateway/gateway.toml:/etc/dsline/gateway.toml:ro" --volume "$gateway/secrets:/run/secrets:ro" "$@"
}

# A key that its upstream refuses would fail every request. One that serves already is not this release's fault, and an
# upstream that cannot be asked now is no reason to refuse.
check_keys() {
    awk '$1 == "base_url" { url = $3 } $1 == "key_file" { print url, $3 }' "$gateway/gateway.toml" | tr -d '"' |
        while read -r url file; do
            file=secrets/${file##*/}
            if ! [ -s "$gateway/$file" ] || cmp -s "$gateway/$file" "$home/current/gateway/$file"; then continue; fi
            said=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$gateway/$file")" |
                curl -s -o /dev/null -w '%{http_code}' --max-time 8 --config - "${url%/}/v1/models")
            case $said in 401 | 403) echo "the upstream at $url refuses its key: it answers $said"; exit 1 ;; esac
        done
}

answers() { curl -sf -o /dev/null --max-time 2 --unix-socket "$room/sockets/$1" "http://gateway/$2"; }

# Starts it for nobody, and asks it: one that hangs or gives up must not take over from the one that serves.
try_gateway() {
    room=$(mktemp -d -p /run) && chmod 711 "$room" && install -d -m 2750 -o 65532 -g 65532 "$room/sockets" "$room/spool" || return
    install -d -m 2750 -o root -g 65532 $home/revoked || return
    trial=$(start_trial --detach --network bridge --volume "$room/sockets:/run/dsline" --volume "$room/spool:/var/spool/dsline" \
        --volume /run/redis:/run/redis:ro --volume $home/revoked:/run/revoked:ro "$image" --config /etc/dsline/gateway.toml) || return
    result=1
    end=$(($(date +%s) + 15))
    while [ "$(date +%s)" -lt $end ]; do
        if answers admin.sock readyz && answers gateway.sock healthz; then result=0; break; fi
        [ "$(docker inspect --format '{{ .State.Running }}' "$trial")" = true ] || break
        sleep 0.1
    done
    if [ $result != 0 ]; then
        echo 'it was started for nobody, and did not come to answer; the end of its log:'
        docker logs --tail 20 "$trial"
    fi
    docker rm --force "$trial" >/dev/null
    rm -rf "$room"
    return $result
}

judge() {
    for part in nginx redis rsyslog logrotate system gateway; do
        ! touches $part || quietly check_$part || verdict invalid $part
    done
}

# ---- The story

find $home -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -rf {} +
[ -n "$incoming" ] && tar -xpmf - -C "$incoming" || verdict unfinished 'the archive could not be unpacked'
# Not before: an operator whose connection froze while it sent would hold the node for hours.
take_lock 60 || verdict unfinished 'another push holds the node'
touched=$4
store
install_guard "$5" || verdict unfinished 'what goes back by itself could not be put in its place'
judge
slot=$(live)
if [ "$(sed -n 's/^digest //p' "$home/releases/$slot/about" 2>/dev/null)" = "$release" ]; then
    rm -rf "$new"
else
    slot=$6
    while [ -e "$home/releases/$slot" ]; do slot=$((slot + 1)); done
    printf 'digest %s\nwhen %s\nwho %s\nwhy %s\n' "$release" "$(date -u +%FT%TZ)" "$7" "$8" | put "$new/about" &&
        mv -T "$new" "$home/releases/$slot" || verdict unfinished 'the release could not be put in its place'
fi
make_live "$slot" "$touched" "$9"
: >"$log"
verdict live "$slot"
