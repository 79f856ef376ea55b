#!/usr/bin/env bash
# make run: the servers and registrard in the foreground, all of it under VAR, until Ctrl-C.
#
#   run.sh BINARY          (VAR, REGISTRARD_* from the environment, which wins over what is set here)
#
# Whatever an earlier run with the same VAR left running is stopped first; a run that is still alive is left alone. When
# registrard ends by itself, everything stops and this ends with 1. (make gives SIGINT back: in a background job of a script
# it is ignored, and bash could not trap it.)
set -euo pipefail
here=$(dirname -- "$(realpath -- "$0")")
for part in lib process; do
    # shellcheck source=/dev/null
    . "$here/$part.sh"
done

# An XMPP server of the user's own: what must be said about it besides its host.
check_xmpp() {
    local name missing=
    [ -n "${REGISTRARD_XMPP_HOST:-}" ] || return 0
    for name in DOMAIN COMPONENT SECRET; do
        name=REGISTRARD_XMPP_$name
        if [ -z "${!name:-}" ] && { [ "$name" != REGISTRARD_XMPP_SECRET ] || [ -z "${REGISTRARD_XMPP_SECRET_FILE:-}" ]; }; then
            missing="$missing $name"
        fi
    done
    [ -z "$missing" ] || die "REGISTRARD_XMPP_HOST is set, so these must be too:$missing"
}

# Holds VAR for the life of this script: the kernel lets go of it whatever the script dies of.
lock() {
    exec 9<"$VAR"
    flock -n 9 || die "another make run is using VAR=$VAR; stop it, or name another directory with VAR=dir"
}

stop_all() {
    if process_signal registrard TERM; then
        process_gone registrard
    fi
    bash "$here/stack.sh" down "$VAR"
}

# Whether registrard is ready, asked on its ops port. Leaves in WHY what it says.
ready() {
    local reply
    {
        exec 3<>"/dev/tcp/127.0.0.1/$OPS" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && reply=$(timeout 2 cat <&3)
    } 2>/dev/null || return 1
    exec 3<&-
    WHY=${reply#*$'\r\n\r\n'}
    [[ $reply =~ ^HTTP/1\.[01]\ 200 ]]
}

# Waits until all is ready, but not for an XMPP server that cannot be reached: registrard serves without it.
announce() {
    local client tries
    WHY="no answer on the ops port"
    for ((tries = 0; tries < 200; tries++)); do
        process_pid registrard >/dev/null || return 0
        ! ready || break
        sleep 0.02
    done
    say "registrard listens: http://127.0.0.1:$HTTP https://localhost:$HTTPS tcp 127.0.0.1:$TCP ops http://127.0.0.1:$OPS"
    if [ -n "${STACK_CLIENT_PORT:-}" ]; then
        client="clients connect to localhost, port $STACK_CLIENT_PORT"
    else
        client="clients connect to $REGISTRARD_XMPP_HOST, client port as set there (5222 unless changed)"
    fi
    say "XMPP domain $REGISTRARD_XMPP_DOMAIN, component $REGISTRARD_XMPP_COMPONENT: $client"
    [ "$tries" -lt 200 ] || say "not ready yet: $WHY"
}

main() {
    [ -x "${1:-}" ] || die "usage: run.sh BINARY"
    check_xmpp
    var_open "${VAR:-var}"
    lock
    services_choose
    HTTP=${REGISTRARD_HTTP_PORT:-8080} HTTPS=${REGISTRARD_HTTPS_PORT:-8443}
    TCP=${REGISTRARD_TCP_PORT:-8081} OPS=${REGISTRARD_OPS_PORT:-8082}

    stop_all
    trap 'trap "" INT TERM HUP; stop_all' EXIT
    trap 'exit 0' INT TERM HUP
    bash "$here/stack.sh" up "$VAR" "${services[@]}"
    adopt_settings
    # The servers' user may not be able to reach the tree, and a build must not write into a program that runs.
    var_write bin/registrard 755 <"$1"
    var_write bin/registrarctl 755 <"$(dirname -- "$1")/registrarctl"
    LOG_TO_TERMINAL=yes process_start registrard "$VAR/bin/registrard"
    local registrard=$! status=0
    announce
    wait "$registrard" 2>/dev/null || status=$?
    say "registrard ended with status $status; stopping the rest" >&2
    exit 1
}

main "$@"
