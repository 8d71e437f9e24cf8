#!/bin/sh
# Makes the secrets of deployment.yaml, once, in the folder secrets/ beside this file.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0711 secrets
new() { [ -e "secrets/$1" ] || { cat > "secrets/$1"; chmod 0444 "secrets/$1"; }; }
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
random | new secret
random | new front-key
key=$(random)
entry='{"verify_iss": "%s", "verify_key": "%s", "control_zmq_uri": "tcp://172.30.77.%s:5563"}'
# shellcheck disable=SC2059
printf "[$entry, $entry]\n" n1 "$key" 11 n2 "$key" 12 | new proxies.json
