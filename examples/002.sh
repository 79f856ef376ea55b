#!/usr/bin/env bash
# Dialect 002: registers a phone with a code, fills in the profile, and logs in again.
#
#   examples/002.sh          with `make run` going; API and VAR name another server and its state directory
#
# The code that went to the phone is read from the file that development mode writes. VAR must be readable.
set -euo pipefail
api=${API:-https://localhost:8443}/user
var=${VAR:-var}
phone=$(printf '138%08d' $((SRANDOM % 100000000)))
xid=$(printf '%08x%08x%08x%08x' "$SRANDOM" "$SRANDOM" "$SRANDOM" "$SRANDOM")
password=$(printf %s 'correct horse' | md5sum | cut -d ' ' -f 1)
utime=$(date +%s)

call() { # path, parameters; prints the reply, which must say 200
    local path=$1 parameter form=()
    shift
    for parameter in "$@" utime="$utime"; do
        form+=(--data-urlencode "$parameter")
    done
    reply=$(curl -sSk --max-time 20 "${form[@]}" "$api/$path")
    printf '%s\n' "$reply"
    [[ $reply == '{"code":"200"'* ]]
}

member() { # name; of the reply
    printf %s "$reply" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

call sms phone="$phone" xid="$xid" sec=$(((phone - utime) % 49477))
code=$(sed -n "s/.*\"to\":\"+86$phone\",\"code\":\"\([0-9]*\)\".*/\1/p" "$var/sms.jsonl" | tail -n 1)
call reg phone="$phone" xid="$xid" yzm="$code" pwd="$password"
uid=$(member uid) sec=$(member sec)

call checkFinishUserInfo uid="$uid" sec="$sec"
call regDetail uid="$uid" sec="$sec" company_name='创合' company_address='北京' user_name='张三' \
    identity_card=11010519491231002X company_logo=https://example.org/logo.png qq_number=10001
call getUserInfo uid="$uid" sec="$sec"

call login phone="$phone" xid="$xid" pwd="$password"
echo "002: $phone is registered and logged in as $(member uid)"
