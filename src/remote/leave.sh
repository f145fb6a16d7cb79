# Takes the line off a machine that the line did not launch: its services stop, and what pushes and preparation made goes.
# $1 the links into the live release, as path=target ...   Packages stay, and so does what lies in /var/log.
# May run again; what is not there is not missed.
set -u
home=/var/lib/dsline
exec 9>/run/dsline-prepare.lock
flock -w 60 9 || { echo 'somebody prepares the machine' >&2; exit 1; }

ours() {
    docker ps --all --quiet --filter label=com.docker.compose.service=gateway | while read -r container; do
        case $(docker inspect --format '{{ index .Config.Labels "com.docker.compose.project" }}' "$container") in
            dsline | dsline-*) echo "$container" ;;
        esac
    done
}

rm -f $home/pending
if command -v docker >/dev/null; then
    ours | xargs --no-run-if-empty docker rm --force >/dev/null
    docker image ls --quiet dsline-gateway | sort -u | xargs --no-run-if-empty docker image rm --force >/dev/null
fi
for unit in nginx redis-server dsline-revert; do systemctl disable --now --quiet $unit 2>/dev/null; done
for link in $1; do
    path=${link%%=*}
    case $(readlink "$path") in $home/*) rm -f "$path" ;; esac
    case $path in /etc/systemd/*) rmdir --ignore-fail-on-non-empty "${path%/*}" 2>/dev/null ;; esac
done
rm -f /etc/systemd/system/nginx.service.d/10-dsline-wait.conf /etc/systemd/system/dsline-revert.service \
    /usr/local/sbin/dsline-first-boot
rmdir --ignore-fail-on-non-empty /etc/systemd/system/nginx.service.d 2>/dev/null
systemctl daemon-reload
profile=/etc/apparmor.d/local/usr.sbin.rsyslogd
if [ "$(cat $profile 2>/dev/null)" = "$home/** r," ]; then : >$profile; fi
systemctl try-restart rsyslog systemd-journald
# The line's lock may lie here; who holds it takes it away.
find $home -mindepth 1 -maxdepth 1 ! -name lease ! -name lease.lock -exec rm -rf {} + 2>/dev/null
[ -e $home/lease ] || rm -rf $home

[ ! -e /usr/local/sbin/dsline-first-boot ] && [ -z "$(find $home -mindepth 1 ! -name lease ! -name lease.lock 2>/dev/null)" ] || {
    echo "something of $home could not be removed" >&2
    exit 1
}
if systemctl is-active --quiet nginx || systemctl is-active --quiet redis-server; then
    echo 'nginx or redis-server could not be stopped' >&2
    exit 1
fi
