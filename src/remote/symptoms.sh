# Prints what a node shows of the troubles that its users notice: one fact a line, a word and its values between tabs.
# $1 how many minutes to look back
home=/var/lib/dsline
minutes=$1
export LC_ALL=C

fact() {
    printf '%s' "$1"
    shift
    printf '\t%s' "$@"
    echo
}

# The last lines of a text, as facts: no control characters, no tabs, not endless.
lines() { tail -n "$2" | tr '\t' ' ' | tr -d '\000-\010\013-\037' | cut -c 1-400 | while read -r line; do fact "$1" "$line"; done; }

gateways=$(docker ps --all --quiet --filter label=com.docker.compose.service=gateway 2>/dev/null)
newest=
for container in $gateways; do
    docker inspect --format '{{ .Name }} {{ .State.Status }} {{ .RestartCount }} {{ .State.ExitCode }} {{ .HostConfig.RestartPolicy.Name }}' "$container" 2>/dev/null | {
        read -r name state restarts code policy
        # One that a push has told to end is on its way out.
        [ "${policy:-no}" = no ] || fact container "${name#/}" "$state" "$restarts" "$code"
    }
    newest=${newest:-$container}
done
[ -z "$newest" ] || docker logs --tail 8 "$newest" 2>&1 | lines log 8

# nginx writes local time; what follows the server's name may hold what users ask. Nobody but us asks by the other socket.
since=$(date -d "-$minutes minutes" '+%Y/%m/%d %H:%M:%S')
tail -n 5000 /var/log/nginx/error.log 2>/dev/null | since=$since awk '
    $1 " " $2 >= ENVIRON["since"] && /gateway\.sock|upstream (prematurely|timed)/ && !/admin\.sock/ { sub(/, request: .*/, ""); print }' >/run/dsline-doctor.$$
fact unanswered "$(wc -l </run/dsline-doctor.$$)"
lines unanswered-log 3 </run/dsline-doctor.$$
rm -f /run/dsline-doctor.$$

REDISCLI_AUTH=$(sed -n 's/^requirepass //p' $home/current/redis/redis.conf 2>/dev/null) redis-cli -s /run/redis/redis.sock info 2>/dev/null |
    tr -d '\r' | awk -F: '/^(evicted_keys|used_memory|maxmemory|keyspace_hits|keyspace_misses):/ { printf "redis\t%s\t%s\n", $1, $2 }'
awk '$1 == "MemTotal:" { printf "redis\tmemory_of_the_node\t%.0f\n", $2 * 1024 }' /proc/meminfo

curl -sf --max-time 3 http://127.0.0.1:8082/metrics 2>/dev/null |
    awk '/^dsline_(refused|upstream_attempts)_total\{/ { printf "counter\t%s\t%s\n", $1, $2 }'

# The trail is in UTC. A quote within a value has a backslash before it, so no value can pass for a field.
since=$(date -u -d "-$minutes minutes" +%Y-%m-%dT%H:%M:%S)
tail -n 20000 /var/log/deepseek/api_audit.log 2>/dev/null | since=$since awk '
    function field(name, at, rest) {
        at = index($0, " " name "=\"")
        if (!at) return ""
        rest = substr($0, at + length(name) + 3)
        return substr(rest, 1, index(rest, "\"") - 1)
    }
    $6 != "API_REQUEST" || substr($2, 1, 19) < ENVIRON["since"] { next }
    {
        verdict = field("cache"); status = field("status"); took = field("first_byte_ms") + 0
        if (verdict == "hit" || verdict == "coalesced" || verdict == "stale") hits++
        if (status == "200" && (verdict == "miss" || verdict == "bypass")) {
            misses++; sum += took
            if (took > slowest) slowest = took
            if (took > 2000) slow[++slows % 3] = $2 " " field("path") " " field("model") " first byte after " took " ms from " field("upstream")
        }
        if (status == "429") {
            who = field("subject") "\t" field("key") "\t" field("address") "\t" field("upstream")
            limited[who]++; last[who] = $2
        }
    }
    END {
        printf "requests\t%d\t%d\t%d\t%d\n", hits, misses, misses ? sum / misses : 0, slowest
        for (i = slows - 2; i <= slows; i++) if (i > 0) printf "slow-log\t%s\n", slow[i % 3]
        for (who in limited) printf "limited\t%d\t%s\t%s\n", limited[who], who, last[who]
    }' | sort -t "$(printf '\t')" -k1,1 -k2,2nr | awk -F '\t' '$1 != "limited" || n++ < 5'

journalctl --quiet --no-pager --output cat --identifier dsline_refused --since "-${minutes}min" 2>/dev/null |
    sort | uniq -c | sort -rn | head -n 5 | while read -r count address; do fact refused "$count" "$address"; done
exit 0
