#!/usr/bin/env bash
# The servers behind registrard, private to one state directory:
#
#   stack.sh up|down|status|settings|discard VAR [postgres] [redis] [prosody|ejabberd]
#
# up       starts those named (Postgres, Redis and Prosody when none is) that do not run yet, and returns when they answer
# down     stops them (all when none is named)
# status   one line each
# settings prints NAME=value lines: the environment for a registrard in front of them (development profile), and STACK_*
#          for tests
# discard  stops all of them and removes VAR
#
# With STACK_THROWAWAY=1 in the environment nothing is written through to the disk: for tests. STACK_PORTS_FIRST and
# STACK_PORTS_COUNT say from which ports it takes its own.
set -euo pipefail
here=$(dirname -- "$(realpath -- "$0")")
for part in lib process postgres redis prosody ejabberd; do
    # shellcheck source=/dev/null
    . "$here/$part.sh"
done

up() {
    local service try
    sockets_open
    for service in "${services[@]}"; do
        process_pid "$service" >/dev/null && continue
        "${service}_prepare"
        "${service}_start"
    done
    for service in "${services[@]}"; do
        # What a killed server left behind (Postgres: its last children) may stand in the way for a moment.
        for ((try = 0; try < 10; try++)); do
            "${service}_ready" && continue 2
            process_pid "$service" >/dev/null && break
            sleep 0.2
            "${service}_start"
        done
        as_user tail -n 5 -- "$VAR/log/$service.log" >&2 || true
        die "$service does not come up; see $VAR/log/$service.log"
    done
}

down() {
    local service
    for service in "${services[@]}"; do
        process_signal "$service" CONT || continue
        "${service}_stop" || true
    done
    for service in "${services[@]}"; do
        process_gone "$service"
    done
    sockets_close
}

status() {
    local service pid
    for service in "${services[@]}"; do
        if pid=$(process_pid "$service"); then
            say "$service: runs (pid $pid)"
        else
            say "$service: stopped"
        fi
    done
}

settings() {
    local service
    sockets_open
    certificate_once
    # The published key of all development machines (CONFIG_DEVELOPMENT_SEAL), which a production configuration refuses.
    secret_once seal echo "1:2f837bc648df987addc98fbf0ce69c75acbf44577e8f3a1d844d6dab8e0d2d99"
    for service in "${services[@]}"; do
        "${service}_settings"
    done
    say "REGISTRARD_SERVER_PROFILE=development"
    say "REGISTRARD_SERVER_STATE_DIR=$VAR"
    say "REGISTRARD_SERVER_MIGRATE=true"
    say "REGISTRARD_HTTPS_CERTIFICATE=$VAR/tls/certificate.pem"
    say "REGISTRARD_HTTPS_KEY=$VAR/tls/key.pem"
    say "REGISTRARD_KEYS_SEAL_FILE=$VAR/secrets/seal"
    say "STACK_USER=$SERVERS_USER"
    say "STACK_SOCKETS=$SOCKETS"
}

discard() {
    down
    sockets_open
    rm -rf -- "$SOCKETS" "$VAR"
}

case ${1:-} in
up | down | status | settings | discard) command=$1 ;;
*) die "usage: stack.sh up|down|status|settings|discard VAR [postgres] [redis] [prosody|ejabberd]" ;;
esac
var_open "${2:-}"
services=("${@:3}")
if [ ${#services[@]} = 0 ]; then
    services=(postgres redis prosody)
    [ "$command" = up ] || [ "$command" = settings ] || services+=(ejabberd)
fi
for service in "${services[@]}"; do
    case $service in
    postgres | redis | prosody | ejabberd) ;;
    *) die "no such service: $service" ;;
    esac
done
"$command"
