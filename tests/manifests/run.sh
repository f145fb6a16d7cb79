#!/usr/bin/env bash
# Shows what `dsline export k8s` writes to the schemas of Kubernetes, to promtool where it is, and to the gateway.
#
#   run.sh DSLINE GATEWAY   the two programs
#
# The validator with its schemas is installed once, into $DSLINE_MANIFESTS (~/.cache/dsline-manifests). Exit 77: it cannot be.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${DSLINE_MANIFESTS:-${XDG_CACHE_HOME:-$HOME/.cache}/dsline-manifests}
DSLINE=$(realpath "$1") GATEWAY=$(realpath "$2")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

if ! (cd "$HERE" && sha256sum --check --status "$CACHE/stamp" 2>/dev/null); then
    rm -rf "$CACHE" && mkdir -p "$CACHE"
    { python3 -m venv "$CACHE/venv" && "$CACHE/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        -r "$HERE/requirements.txt"; } >"$CACHE/log" 2>&1 || { echo "kubernetes-validate cannot be installed (no network?)"; exit 77; }
    (cd "$HERE" && sha256sum requirements.txt) >"$CACHE/stamp"
fi

failed=
check() {
    local what=$1; shift
    if "$@" >"$WORK/said" 2>&1; then echo "accepted  $what"; else echo "REFUSED   $what"; sed 's/^/          /' "$WORK/said"; failed=yes; fi
}

# The operator's own kinds are in no schema of Kubernetes; the rules inside are Prometheus's.
rules_are_accepted() {
    command -v promtool >/dev/null || { echo "no promtool here"; return; }
    "$CACHE/venv/bin/python" - "$WORK/k8s/monitoring.yaml" >"$WORK/rules.yml" <<'PYTHON' && promtool check rules "$WORK/rules.yml"
import sys, yaml
monitor, rule = yaml.safe_load_all(open(sys.argv[1]))
assert (monitor["kind"], rule["kind"]) == ("ServiceMonitor", "PrometheusRule")
print(yaml.safe_dump(rule["spec"]))
PYTHON
}

gateway_accepts() {
    sed "s#/run/secrets#$WORK/secrets#" "$WORK/k8s/gateway.toml" >"$WORK/gateway.toml"
    mkdir "$WORK/secrets"
    printf 'sha256:%064d\n' 0 >"$WORK/secrets/client_keys"
    printf '%064d\n' 0 | tee "$WORK/secrets/jwt_keys" >"$WORK/secrets/upstream_key.upstream"
    "$GATEWAY" --check --config "$WORK/gateway.toml"
}

every_file_is_there() {
    sed -n 's/^ *- \([a-z]*\.\(yaml\|toml\)\)$/\1/p' "$WORK/k8s/kustomization.yaml" | (cd "$WORK/k8s" && xargs ls)
}

holds_no_secret() { ! grep -rlE 'kind: Secret|dsl-[0-9a-f]|dslm-|PRIVATE KEY' "$WORK/k8s"; }

cd "$WORK"
printf 'name = "manifests"\n[dns]\nhost = "llm.example.com"\n' >dsline.toml
env -i PATH="$PATH" HOME="$WORK" "$DSLINE" export k8s k8s --quiet >/dev/null
for file in deployment service ingress scaling; do
    check "$file.yaml" "$CACHE/venv/bin/kubernetes-validate" --strict "k8s/$file.yaml"
done
check "monitoring.yaml" rules_are_accepted
check "gateway.toml, by $("$GATEWAY" --version)" gateway_accepts
check "kustomization.yaml names files that are there" every_file_is_there
check "no secret among them" holds_no_secret
[ -z "$failed" ]
