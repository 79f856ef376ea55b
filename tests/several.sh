#!/usr/bin/env bash
# several.sh N program...: runs the test programs named, N at a time and begun in that order; all of them, whatever one
# says. What each says is printed whole when it has ended. Those that failed are named once more at the end; then the
# status is 1.
set -euo pipefail
at_once=$1
shift
dir=$(mktemp -d /tmp/registrard-several-XXXXXX)
trap 'rm -rf -- "$dir"' EXIT
trap 'exit 130' INT TERM HUP

one() { # directory, program
    local said status=0
    said=$(mktemp "$1/XXXXXX")
    "$2" </dev/null >"$said" 2>&1 || status=$?
    exec 9>>"$1/failed"
    flock 9 # one speaks at a time
    cat -- "$said"
    rm -f -- "$said"
    [ "$status" = 0 ] || {
        printf '%s failed (%s)\n' "$2" "$status" | tee -a "$1/failed"
        return 1
    }
}
export -f one
printf '%s\0' "$@" | xargs -0 -n 1 -P "$at_once" bash -c 'one "$@"' bash "$dir" || {
    printf '\n'
    cat -- "$dir/failed"
    exit 1
}
