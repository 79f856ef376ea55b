#!/usr/bin/env bash
# Runs the test programs named on a Postgres and a Redis of their own, which are gone afterwards. The addresses are in
# TEST_POSTGRES (libpq connection string) and TEST_REDIS (path of the socket).
set -euo pipefail
stack=$(dirname -- "$(realpath -- "$0")")/../../examples/dev/stack.sh
export STACK_THROWAWAY=1
var=$(mktemp -d /tmp/registrard-live-XXXXXX)
trap 'bash "$stack" discard "$var"' EXIT
trap 'exit 130' INT TERM HUP
bash "$stack" up "$var" postgres redis
while IFS= read -r line; do
    case $line in
    REGISTRARD_POSTGRES_URL=*) export TEST_POSTGRES=${line#*=} ;;
    REGISTRARD_REDIS_ADDRESS=*) export TEST_REDIS=${line#*=} ;;
    esac
done < <(bash "$stack" settings "$var" postgres redis)
for program in "$@"; do
    redis-cli -s "$TEST_REDIS" flushall >/dev/null # what another one left is not this one's
    "$program"
done
