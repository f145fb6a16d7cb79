# Compares and swaps the line's lease that lies on this node, and prints what it is after that.
# $1 what it must be now   $2 what it shall be; empty is no lease, and two equal ones only ask
set -eu
home=/var/lib/dsline
mkdir -p $home
exec 9>$home/lease.lock
flock -w 10 9
now=$(cat $home/lease 2>/dev/null || :)
if [ "$1" != "$2" ] && [ "$now" = "$1" ]; then
    if [ -n "$2" ]; then
        printf '%s\n' "$2" >$home/lease.next
        sync -d $home/lease.next
        mv -T $home/lease.next $home/lease
    else
        rm -f $home/lease
    fi
    now=$2
fi
# A machine that was not launched for the line keeps nothing of it: neither the lock of a lock that is gone.
if [ "$(ls -A $home)" = lease.lock ]; then rm -rf $home; fi
printf '%s\n' "$now"
