#!/usr/bin/env bash
# Installs the Debian packages that are missing: `install.sh build` those to build, `install.sh run` those of the
# development environment as well, `install.sh test` those of the tests, too. Does nothing, and needs no rights, when all
# are there.
#
# Services that a package brings are neither started nor enabled, and no Postgres cluster of the machine's is made: the
# development environment has servers of its own. What was there before keeps running as it did. An existing
# policy-rc.d decides alone. Files put into /etc for the time of the installation carry MARK and go away however it
# ends; those of a run that was killed go with the next installation.
set -euo pipefail
here=$(dirname -- "$(realpath -- "$0")")
# shellcheck source=/dev/null
. "$here/lib.sh"

BUILD="make gcc libc6-dev pkg-config git ca-certificates libssl-dev libexpat1-dev libstrophe-dev libmicrohttpd-dev
    libgnutls28-dev libjansson-dev libpq-dev libhiredis-dev libargon2-dev libgd-dev libpng-dev
    libqrencode-dev libinih-dev libcurl4-openssl-dev"
RUN="$BUILD openssl curl postgresql-15 redis-server redis-tools prosody prosody-modules lua-unbound"
TEST="$RUN libcmocka-dev clang clang-format clang-tidy procps python3 python3-pytest python3-pytest-xdist
    python3-slixmpp python3-psycopg2 python3-redis ejabberd erlang-p1-oauth2"

MARK="registrard's examples/dev/install.sh made this for the time of an installation; remove it."
POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.d/registrard-install.conf

# Prints those of the packages named that are not installed.
lacking() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done
}

# The names by which policy-rc.d is asked about services that exist already, one a line.
services_known() {
    find /etc/init.d /lib/systemd/system /usr/lib/systemd/system /etc/systemd/system -maxdepth 1 -printf '%f\n' 2>/dev/null |
        sed 's/\.service$//' | sort -u
}

# The links by which services start at boot or have other names, one a line.
boot_links() {
    find /etc/systemd/system /etc/rc[2-5].d -type l \( -path '/etc/systemd/*' -o -name 'S*' \) 2>/dev/null | sort
}

left_behind() {
    grep -qsF -- "$MARK" "$POLICY" "$CLUSTERS"
}

remove_own() {
    local file
    for file in "$POLICY" "$CLUSTERS"; do
        ! grep -qsF -- "$MARK" "$file" || rm -f -- "$file"
    done
    # Made for the file; if they were there before, empty, they meant nothing.
    rmdir -- "$(dirname -- "$CLUSTERS")" "$(dirname -- "$(dirname -- "$CLUSTERS")")" 2>/dev/null || true
}

# Forbids to start what is not known yet. A service that exists may be restarted, as an upgrade of its libraries may ask.
forbid_starting() {
    mkdir -p -- "$(dirname -- "$CLUSTERS")"
    printf '# %s\ncreate_main_cluster = false\n' "$MARK" >"$CLUSTERS"
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        return
    fi
    {
        printf '#!/bin/sh\n# %s\ncase "${1%%.service}" in\n' "$MARK"
        services_known | grep -E '^[A-Za-z0-9@._-]+$' | sed "s/.*/'&') exit 0 ;;/"
        printf '*) exit 101 ;;\nesac\n'
    } >"$POLICY.registrard"
    chmod 755 "$POLICY.registrard"
    mv -f "$POLICY.registrard" "$POLICY"
}

# Whether policy-rc.d lets the service be started. What cannot have been started is not stopped either: ejabberd's script
# would start epmd for that, on all addresses.
may_start() { # name
    local status=0
    "$POLICY" "$1" start >/dev/null 2>&1 || status=$?
    [ "$status" != 101 ]
}

# Takes away the links that were not there before, which the packages' scripts remember as the administrator's wish, and
# stops what an existing policy-rc.d let start.
disable_new() { # file with the boot_links of before
    local link name
    boot_links | comm -13 "$1" - | while IFS= read -r link; do
        name=$(basename -- "$link")
        case $link in
        /etc/rc*)
            name=${name#S[0-9][0-9]}
            update-rc.d "$name" disable >/dev/null 2>&1 || true
            ! may_start "$name" || "/etc/init.d/$name" stop >/dev/null 2>&1 || true
            ;;
        *)
            [ ! -d /run/systemd/system ] || systemctl stop "$name" || true
            rm -f -- "$link"
            ;;
        esac
    done
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

# However an installation ends.
finish() {
    trap '' INT TERM HUP
    disable_new "$BEFORE"
    remove_own
    rm -f -- "$BEFORE" "$POLICY.registrard"
}

install_packages() {
    local failed=
    remove_own
    [ $# -gt 0 ] || return 0
    BEFORE=$(mktemp)
    boot_links >"$BEFORE"
    trap finish EXIT
    trap 'exit 130' INT TERM HUP
    forbid_starting
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=120 update || say "apt-get update failed; going on with the lists that are there"
    apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install "$@" </dev/null || failed=yes
    [ -z "$failed" ] || die "apt-get could not install: $*"
}

main() {
    local wanted packages
    case ${1:-} in
    build) wanted=$BUILD ;;
    run) wanted=$RUN ;;
    test) wanted=$TEST ;;
    *) die "usage: install.sh build|run|test" ;;
    esac
    [ -e /etc/debian_version ] || die "this is no Debian; what Debian 12 calls $wanted is needed"
    # shellcheck disable=SC2086
    packages=$(lacking $wanted)
    if [ -z "$packages" ]; then
        left_behind || return 0
        say "Removing what a killed installation left behind"
    else
        say "Installing Debian packages:" $packages
    fi
    if [ "$EUID" != 0 ]; then
        sudo -n true 2>/dev/null ||
            die "this needs root, and sudo -n does not work here. As root: bash $here/install.sh $1 (packages:" $packages")"
        exec sudo -n bash "$here/install.sh" "$1"
    fi
    # shellcheck disable=SC2086
    install_packages $packages
}

main "$@"
