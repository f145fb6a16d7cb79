# Adds revocations (standard input, one a line) to those that lie on this node, and prints all that it holds then.
# The gateway reads the file again within seconds. It is no part of a release: going back never gives back what was revoked.
set -eu
umask 027
folder=/var/lib/dsline/revoked
# The group of the gateway's container.
group=65532
install -d -m 2750 -g $group $folder
exec 9>$folder.lock
flock -w 10 9
list=$folder/list
now=$(date +%s)
# Before the first revocation too: a gateway that cannot read the file does not start.
[ -e $list ] || install -m 640 -g $group /dev/null $list
# What ended a day ago means nothing to any clock any more.
all=$({ cat $list; cat; } | awk -v now="$now" '
    $1 ~ /^(jti|key):/ { end = $2; sub(/^until=/, "", end); if ($2 == "" || end + 86400 > now) print }' | sort -u)
if [ "$all" != "$(cat $list)" ]; then
    printf '%s\n' "$all" >$folder/list.next
    chgrp $group $folder/list.next
    chmod 640 $folder/list.next
    sync -d $folder/list.next
    mv -T $folder/list.next $list
fi
[ -z "$all" ] || printf '%s\n' "$all"
