#!/usr/bin/env bash
# Runs the test programs named on a Postgres and a Redis of their own, which are gone afterwards. The addresses are in
# TEST_POSTGRES (libpq connection string) and TEST_REDIS (path of the socket). Those called *_faults kill servers that
# they start themselves: they run beside the others, and what they say is printed at the end.
set -euo pipefail
here=$(dirname -- "$(realpath -- "$0")")
stack=$here/../../examples/dev/stack.sh
export STACK_THROWAWAY=1
var=$(mktemp -d /tmp/registrard-live-XXXXXX)
said=$(mktemp /tmp/registrard-live-XXXXXX)
trap 'wait; bash "$stack" discard "$var"; rm -f -- "$said"' EXIT
trap 'exit 130' INT TERM HUP
own=() shared=()
for program in "$@"; do
    case $program in
    *_faults) own+=("$program") ;;
    *) shared+=("$program") ;;
    esac
done
[ ${#own[@]} = 0 ] || bash "$here/../several.sh" ${#own[@]} "${own[@]}" >"$said" 2>&1 &
faults=$!
bash "$stack" up "$var" postgres redis
while IFS= read -r line; do
    case $line in
    REGISTRARD_POSTGRES_URL=*) export TEST_POSTGRES=${line#*=} ;;
    REGISTRARD_REDIS_ADDRESS=*) export TEST_REDIS=${line#*=} ;;
    esac
done < <(bash "$stack" settings "$var" postgres redis)
for program in "${shared[@]}"; do
    redis-cli -s "$TEST_REDIS" flushall >/dev/null # what another one left is not this one's
    "$program"
done
status=0
wait "$faults" || status=$?
cat -- "$said"
exit "$status"
