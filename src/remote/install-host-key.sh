# Puts a new host key in place of sshd's: the private one comes on standard input, $1 is the public one.
set -eu
umask 077
key=/etc/ssh/ssh_host_ed25519_key
# A first `up` of a line without a zone has no lock yet, so two of them may be here at once.
exec 9>/run/dsline-host-key.lock
flock -w 60 9

cat >$key.next
# A key that was cut on the way is no key.
ssh-keygen -y -f $key.next >/dev/null
printf '%s\n' "$1" >$key.pub.next
chmod 644 $key.pub.next
sync $key.next $key.pub.next
# sshd takes a key that has no public file, and refuses one that has another's: so a crash in between is harmless.
rm -f $key.pub
mv -T $key.next $key
mv -T $key.pub.next $key.pub
sshd -t
systemctl reload ssh
