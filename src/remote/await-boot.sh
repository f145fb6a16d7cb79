# Waits for the end of first boot, at most $1 seconds, and prints how it stands; a failure is followed by its reason.
home=/var/lib/dsline
end=$(($(date +%s) + $1))

while :; do
    # Looked at first: what first boot leaves behind is there before cloud-init ends.
    ended=$([ ! -e /run/cloud-init/result.json ] || echo yes)
    if [ -e $home/first-boot-done ]; then
        echo booted
        exit 0
    elif [ -s $home/first-boot-error ]; then
        echo failed
        cat $home/first-boot-error
    elif [ -n "$ended" ]; then
        echo failed
        echo "cloud-init ended without first boot"
    elif [ "$(date +%s)" -ge "$end" ]; then
        echo waiting
        exit 0
    else
        sleep 0.3
        continue
    fi
    tail -n 20 /var/log/cloud-init-output.log 2>/dev/null
    exit 0
done
