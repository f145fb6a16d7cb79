# Prints what a node knows of its own defences: one fact a line, a word and its values between tabs.
home=/var/lib/dsline
export LC_ALL=C

fact() {
    printf '%s' "$1"
    shift
    printf '\t%s' "$@"
    echo
}

sshd -T 2>/dev/null | while read -r key value; do
    case $key in
        passwordauthentication | kbdinteractiveauthentication | permitrootlogin | permitemptypasswords)
            fact fact "sshd.$key" "$value"
            ;;
    esac
done

drops=$(nft list table inet dsline 2>/dev/null | grep -c 'policy drop')
fact fact firewall.drops "${drops:-0}"
ss -Hltn 2>/dev/null | awk '$4 !~ /^(127\.|\[::1\]|\[::ffff:127\.)/ && $4 !~ /%lo:/ { sub(/.*:/, "", $4); print $4 }' | sort -un |
    while read -r port; do fact listening "$port"; done

docker ps --quiet 2>/dev/null | while read -r container; do
    docker inspect --format '{{ .Name }} {{ .HostConfig.ReadonlyRootfs }} {{ or .Config.User "root" }} {{ if .HostConfig.SecurityOpt }}{{ index .HostConfig.SecurityOpt 0 }}{{ else }}none{{ end }} {{ .HostConfig.Memory }} {{ len .HostConfig.PortBindings }} {{ .HostConfig.Privileged }}' "$container" | {
        read -r name read_only user options memory published privileged
        fact container "${name#/}" "$read_only" "$user" "$options" "$memory" "$published" "$privileged"
    }
done

fact fact upgrades "$(apt-config dump 2>/dev/null | sed -n 's/^APT::Periodic::Unattended-Upgrade "\(.*\)";/\1/p')"
fact fact upgrades.timer "$(systemctl is-enabled apt-daily-upgrade.timer 2>/dev/null)"
[ ! -e /run/reboot-required ] || fact fact reboot required
fact fact clock "$(timedatectl show --property NTPSynchronized --value 2>/dev/null)"
fact fact journal "$(systemd-analyze cat-config systemd/journald.conf 2>/dev/null | sed -n 's/^SystemMaxUse=//p' | tail -n 1)"
awk '$1 == "MemTotal:" { m = $2 } $1 == "SwapTotal:" { s = $2 } END { printf "fact\tmemory\t%d\nfact\tswap\t%d\n", m / 1024, s / 1024 }' /proc/meminfo
fact fact waf "$(sed -n 's/^ *SecRuleEngine *//p' $home/current/nginx/nginx.conf 2>/dev/null)"
fact fact redis.port "$(sed -n 's/^port *//p' $home/current/redis/redis.conf 2>/dev/null)"
find -L $home/current -type f \( -path '*/secrets/*' -o -name '*key.pem' -o -name redis.conf \) -perm /007 2>/dev/null |
    while read -r path; do fact loose "$path"; done
find /var/log/deepseek -type f -perm /007 2>/dev/null | while read -r path; do fact loose "$path"; done
exit 0
