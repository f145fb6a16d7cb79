# Makes a machine that the line did not launch able to take its first push, as cloud-init does with those that it did.
# $1 the length of the drop-in for nginx; standard input is that drop-in, then the first-boot script. May run again.
# Its SSH server, its users, its firewall and its swap are its owner's, and stay as they are.
set -eu
exec 9>/run/dsline-prepare.lock
flock -w 900 9 || { echo 'somebody else prepares the machine' >&2; exit 1; }
wait=/etc/systemd/system/nginx.service.d/10-dsline-wait.conf
program=/usr/local/sbin/dsline-first-boot
log=/var/log/dsline-first-boot.log

drop_in=$(head -c "$1")
script=$(cat)
if [ ! -e $wait ]; then
    # Somebody else's web server or Redis would be stopped, or would keep ours from starting.
    taken=$(ss -Hltn '( sport = :80 or sport = :443 or sport = :6379 )' 2>/dev/null | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -un | tr '\n' ' ')
    if [ -n "$taken" ]; then
        echo "something that is not this line's listens on port $taken" | sed 's/ *$//' >&2
        exit 1
    fi
fi
mkdir -p "${wait%/*}"
printf '%s\n' "$drop_in" >$wait
printf '%s\n' "$script" >$program.next
chmod 755 $program.next
mv -T $program.next $program
# 9>&-: what the script starts must not keep the lock.
if ! $program >$log 2>&1 9>&-; then
    cat /var/lib/dsline/first-boot-error >&2 2>/dev/null || tail -n 5 $log >&2
    exit 1
fi
