#!/usr/bin/env bash
# Makes the lab's user: AWS profile, SSH key, hosted zone, dsline profile, line secret, and the file to source by hand.
#
# Everything lies in the state folder; nothing of the machine's real user is read or changed. Prints the file's name.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

# The credentials open nothing but the lab: moto takes any.
aws_profile() {
    printf '[profile lab]\nregion = us-east-1\noutput = json\n' >"$OPERATOR/aws-config"
    printf '[lab]\naws_access_key_id = AKIALABLABLABLABLAB0\naws_secret_access_key = lab\n' >"$OPERATOR/aws-credentials"
}

ssh_key() {
    [ -f "$OPERATOR/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C 'dsline lab' -f "$OPERATOR/id_ed25519"
}

# A copy, since the state folder may be elsewhere and a person may want to change it; a newer original replaces it.
profile() {
    if [ "$LAB/profile.toml" -nt "$OPERATOR/profile.toml" ]; then
        sed "s#/var/lib/dsline-lab/#$STATE/#" "$LAB/profile.toml" >"$OPERATOR/profile.toml"
    fi
}

# The programs that a person tries by hand, the lab's Python ones with the lab's Python.
programs() {
    mkdir -p "$STATE/bin"
    ln -sfn "$DSLINE" "$STATE/bin/dsline"
    ln -sfn "$LAB/chat" "$STATE/bin/chat"
    local name
    for name in ask ctl; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PYTHON" "$LAB/$name" >"$STATE/bin/$name"
        chmod 755 "$STATE/bin/$name"
    done
}

environment() {
    cat >"$STATE/env" <<END
# To source in a shell that shall speak to the lab, and to nothing real, from now on.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION SSH_AUTH_SOCK
export AWS_ENDPOINT_URL=http://127.0.0.1:$CLOUD_PORT
export AWS_PROFILE=lab AWS_CONFIG_FILE='$OPERATOR/aws-config' AWS_SHARED_CREDENTIALS_FILE='$OPERATOR/aws-credentials'
export XDG_CONFIG_HOME='$OPERATOR/config' DSLINE_PROFILE='$OPERATOR/profile.toml' DSLINE_GATEWAY='$GATEWAY'
export DSLINE_LAB_STATE='$STATE' DSLINE_LAB_URL=http://127.0.0.1:$CLOUD_PORT
DEEPSEEK_API_KEY=\$(cat '$OPERATOR/upstream.key') && export DEEPSEEK_API_KEY
case ":\$PATH:" in *:'$STATE/bin':*) ;; *) export PATH='$STATE/bin':"\$PATH" ;; esac
END
}

# `init` makes the secret; the profile that it writes along the way is not the one wanted here.
line_secret() {
    [ ! -f "$OPERATOR/config/dsline/lab.secret" ] || return 0
    local draft
    draft=$(mktemp -d)
    XDG_CONFIG_HOME=$OPERATOR/config "$DSLINE" init --yes --quiet --name lab --out "$draft/dsline.toml" >&2
    rm -r "$draft"
}

# The cloud keeps nothing over a restart, so this is asked every time.
zone() {
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_PROFILE=lab AWS_CONFIG_FILE="$OPERATOR/aws-config" \
        AWS_SHARED_CREDENTIALS_FILE="$OPERATOR/aws-credentials" AWS_ENDPOINT_URL="http://127.0.0.1:$CLOUD_PORT" \
        "$PYTHON" - "$ZONE" <<'END' >&2
import sys, uuid, boto3
name = sys.argv[1] + "."
route53 = boto3.client("route53")
if not any(zone["Name"] == name for zone in route53.list_hosted_zones()["HostedZones"]):
    route53.create_hosted_zone(Name=name, CallerReference=str(uuid.uuid4()))
    print(f"operator: made the hosted zone {name}")
END
}

install -d -m 700 "$OPERATOR"
aws_profile
ssh_key
profile
programs
environment
line_secret
zone
echo "$STATE/env"
