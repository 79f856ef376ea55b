#!/usr/bin/env bash
# A program with the settings of the `make run` that is going: the administrator's tool, or one more registrard.
#
#   with.sh registrarctl|registrard ARGUMENT...      (VAR, REGISTRARD_* as for make run)
set -euo pipefail
here=$(dirname -- "$(realpath -- "$0")")
# shellcheck source=/dev/null
. "$here/lib.sh"

case ${1:-} in
registrarctl | registrard) ;;
*) die "usage: with.sh registrarctl|registrard ARGUMENT..." ;;
esac
[ -e "${VAR:-var}/.registrard" ] || die "no make run is seen in VAR=${VAR:-var}; start it first, or be the user who did"
var_open "${VAR:-var}"
[ -x "$VAR/bin/$1" ] || die "$VAR/bin/$1 is not there; start make run again"
services_choose
adopt_settings
cd -- "$VAR"
exec "${AS_USER[@]}" "$VAR/bin/$1" "${@:2}"
