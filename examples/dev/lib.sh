# What the scripts of the development environment share: messages, the servers' user, the state directory VAR, files in
# it. Sourced, never run.
#
# Root only makes VAR and gives it away. Whatever else touches VAR or a server does so as the servers' user, so that
# nothing in VAR (a symbolic link, a forged pid file) can turn root's hand against the machine. Files are replaced whole,
# so that a kill at any line leaves the old one or the new one.

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Postgres and Prosody refuse to run as root. Of the users that come with the packages this is the one whose own service
# holds nothing that every local user could not reach anyway; no user is made for the purpose.
if [ "$EUID" = 0 ]; then
    SERVERS_USER=redis
    AS_USER=(setpriv --reuid="$SERVERS_USER" --regid="$SERVERS_USER" --init-groups --no-new-privs --)
else
    SERVERS_USER=$(id -un)
    AS_USER=()
fi

as_user() {
    "${AS_USER[@]}" "$@"
}

# Prints the file $1 of VAR, as far as that user may read it: a link there leads him no further than he can go anyway.
var_read() {
    as_user cat -- "$VAR/$1" 2>/dev/null
}

# Opens the state directory $1, made when it does not exist, and leaves its absolute path in VAR. A directory that holds
# something else is refused rather than taken over.
var_open() {
    case $1 in
    '' | *[!A-Za-z0-9._/+,@:=\ -]*) die "VAR=$1 is empty or has characters other than A-Z a-z 0-9 space . _ / + , @ : = -" ;;
    esac
    VAR=$(realpath -m -- "$1")
    local made= content
    if [ ! -e "$VAR" ]; then
        made=$VAR
        while [ ! -e "$(dirname -- "$made")" ]; do made=$(dirname -- "$made"); done
    fi
    var_check_place "$(dirname -- "${made:-$VAR}")"
    [ -z "$made" ] || mkdir -p -- "$VAR" 2>/dev/null || die "VAR=$VAR cannot be made"
    [ -d "$VAR" ] || die "VAR=$VAR is not a directory"
    content=$(ls -A -- "$VAR" 2>/dev/null) || content=
    if [ -z "$content" ] && [ -O "$VAR" ]; then
        var_give
    elif [ -n "$content" ] && [ ! -e "$VAR/.registrard" ]; then
        die "VAR=$VAR holds something else; name a new directory"
    fi
    if ! as_user test -w "$VAR/." 2>/dev/null || ! as_user test -O "$VAR/."; then
        [ -z "$made" ] || find "$made" -depth -type d -empty -delete
        die "the servers run as user $SERVERS_USER, who cannot reach $VAR or does not own it; name another directory, such as VAR=/var/tmp/registrard-dev"
    fi
    var_furnish
}

# Where all may write, all may put something else in VAR's place at any time. In the project's own directory they could as
# well change this script.
var_check_place() {
    [ ! "$1" -ef "$(dirname -- "${BASH_SOURCE[0]}")/../.." ] || return 0
    [ -z "$(find "$1" -maxdepth 0 -perm -0002 ! -perm -1000)" ] ||
        die "VAR=$VAR lies in $1, where every user may replace it; name another directory with VAR=dir"
}

# Gives the new VAR to the servers' user, by its place as the working directory: that is not replaced by a link, whoever owns
# the directory that VAR's name stands in.
var_give() {
    (
        cd -P -- "$VAR" && [ "$(realpath -- .)" = "$VAR" ] && [ -O . ] && [ -z "$(ls -A)" ] && chmod 700 . &&
            { [ "$EUID" != 0 ] || chown -- "$SERVERS_USER:" .; }
    ) || die "VAR=$VAR was replaced while it was made"
}

var_furnish() {
    [ -d "$VAR/secrets" ] && return
    as_user sh -c 'umask 077; echo "State of the development environment (make run). Delete it to start anew." >"$1/.registrard" &&
        cd "$1" && mkdir -p run log bin prosody redis secrets' sh "$VAR"
}

# Standard input becomes the file $1 of VAR, with mode $2 (600 when left out).
var_write() {
    as_user sh -c 'umask 077; cat >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"' sh "$VAR/$1" "${2:-600}"
}

# Sockets lie outside VAR: the path of one may have 107 bytes only. Their directory is private, and made anew when /tmp
# was cleared or no server runs; its path is kept in VAR. Leaves it in SOCKETS.
sockets_open() {
    SOCKETS=$(var_read sockets) || SOCKETS=
    if [ -n "$SOCKETS" ] && [ "$(stat -c '%U %a %F' -- "$SOCKETS" 2>/dev/null)" = "$SERVERS_USER 700 directory" ]; then
        return
    fi
    SOCKETS=$(as_user mktemp -d /tmp/registrard-XXXXXX)
    var_write sockets <<<"$SOCKETS"
}

# Removes that directory when it is empty: VAR may be deleted before it is used again.
sockets_close() {
    SOCKETS=$(var_read sockets) || return 0
    as_user rmdir -- "$SOCKETS" 2>/dev/null || true
}

# The secret called $1 is made once from what the rest of the line prints, and stays.
secret_once() {
    local name=$1
    shift
    [ -s "$VAR/secrets/$name" ] || "$@" | var_write "secrets/$name"
}

random_hex() { # bytes
    openssl rand -hex "$1"
}

# A self-signed certificate for registrard's HTTPS and Prosody's STARTTLS.
certificate_once() {
    [ -d "$VAR/tls" ] && return
    as_user sh -c 'umask 077; rm -rf "$1/tls.new" && mkdir "$1/tls.new" && cd "$1/tls.new" &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
            -addext "subjectAltName=DNS:localhost,DNS:registrar.localhost,IP:127.0.0.1,IP:::1" \
            -keyout key.pem -out certificate.pem 2>openssl.log && mv "$1/tls.new" "$1/tls"' sh "$VAR" ||
        die "openssl made no certificate; see $VAR/tls.new/openssl.log"
}

# The servers of `make run`, into services. With an XMPP server of the user's own there is no Prosody.
services_choose() {
    services=(postgres redis)
    [ -n "${REGISTRARD_XMPP_HOST:-}" ] || services+=(prosody)
}

# What the stack says fills in what the environment does not say, be it the value or the file that holds it. Some of it
# comes from files of VAR: what has no name of a setting is not taken for one, nor run when it is looked up.
adopt_settings() {
    local line name value
    while IFS= read -r line; do
        name=${line%%=*}
        [[ $name =~ ^(REGISTRARD|STACK)_[A-Z0-9_]+$ ]] || continue
        value=${name%_FILE}
        [[ $name == REGISTRARD_* && ( -n ${!name:-} || -n ${!value:-} ) ]] || export "${line?}"
    done < <(bash "$here/stack.sh" settings "$VAR" "${services[@]}")
    [ -n "${REGISTRARD_POSTGRES_URL:-}" ] || die "the settings of the servers could not be read"
}
