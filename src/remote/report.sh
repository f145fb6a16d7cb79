# Prints what a node knows of itself: one fact a line, a word and its values between tabs.
# $1 the links into the live release, as path=target ...
home=/var/lib/dsline
links=$1

fact() {
    printf '%s' "$1"
    shift
    [ $# -eq 0 ] || printf '\t%s' "$@"
    echo
}

# Prints the paths of a stored part's files that are not what was pushed: other contents, other rights, more or fewer.
deviations() {
    cd "$home/parts/$1" && [ -e "../$1.sha256" ] || { echo .; return; }
    {
        sha256sum --check --quiet "../$1.sha256" 2>/dev/null | sed 's/: FAILED.*//'
        find . ! -type d -printf '%P %m %U:%G\n' | LC_ALL=C sort | LC_ALL=C comm -3 - "../$1.list" | awk '{ print $1 }'
    } | sort -u
}

[ ! -e $home/first-boot-done ] || fact booted
[ ! -s $home/first-boot-error ] || fact boot-error "$(head -c 2000 $home/first-boot-error | tr '\n\t' '  ')"

[ ! -s $home/lease ] || fact lease "$(cat $home/lease)"

for manifest in $home/parts/*.sha256; do
    [ ! -e "$manifest" ] || fact stored "$(basename "$manifest" .sha256)"
done

said() { sed -n "s/^$2 //p" "$home/releases/$1/about" 2>/dev/null; }

for about in $home/releases/*/about; do
    number=$(basename "${about%/*}")
    # The state has its own tab between what it is and why.
    case $number in
        *[!0-9]*) ;;
        *) fact kept "$number" "$(said "$number" digest)" "$(said "$number" when)" "$(said "$number" who)" \
            "$(said "$number" why)" "$(cat "${about%/*}/state" 2>/dev/null)" ;;
    esac
done
[ ! -s $home/pending ] || fact pending "$(cut -d ' ' -f 1 $home/pending)"

if release=$(readlink $home/current); then
    release=${release##*/}
    case $release in *[!0-9]*) fact release "$release" ;; *) fact release "$(said "$release" digest)"; fact live "$release" ;; esac
    chain=$home/current/nginx/tls/fullchain.pem
    [ ! -s $chain ] || fact chain "$(base64 -w 0 $chain)"
    for part in $home/current/*; do
        digest=$(readlink "$part") || continue
        name=${part##*/} digest=${digest##*/}
        fact part "$name" "$digest"
        deviations "$digest" | while read -r path; do fact drift "$name" "$path"; done
    done
    for link in $links; do
        target=${link#*=}
        [ "$(readlink "${link%%=*}")" = "$home/current/$target" ] || fact drift "${target%%/*}" "${link%%=*}"
    done
fi

set -- nginx redis-server rsyslog docker logrotate.timer
systemctl is-active "$@" | while read -r state; do
    fact unit "$1" "$state"
    shift
done

# The second: a release from before the gateway had sockets.
status=$(curl -sf --max-time 2 http://127.0.0.1:8082/status || curl -sf --max-time 2 http://127.0.0.1:8081/status) && fact gateway "$status"
exit 0
