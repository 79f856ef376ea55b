#!/usr/bin/env bash
# Dialect 001: registers a phone with a code, logs in, shakes once, and logs out.
#
#   examples/001.sh          with `make run` going; API and VAR name another server and its state directory
#
# The code that went to the phone is read from the file that development mode writes. VAR must be readable.
set -euo pipefail
api=${API:-https://localhost:8443}/reg
var=${VAR:-var}
phone=$(printf '138%08d' $((SRANDOM % 100000000)))
xid=$(printf '%08x%08x%08x%08x' "$SRANDOM" "$SRANDOM" "$SRANDOM" "$SRANDOM")
password=$(printf %s 'correct horse' | md5sum | cut -d ' ' -f 1)
utime=$(date +%s)
check=$(((phone - utime) % 49477)) # what `sms` and `yaoyiyao` ask for as `sec`

call() { # codes, path, parameters; prints the reply, which must say one of the codes
    local codes=$1 path=$2 parameter form=()
    shift 2
    for parameter in "$@" utime="$utime"; do
        form+=(-d "$parameter")
    done
    reply=$(curl -sSk --max-time 20 "${form[@]}" "$api/$path")
    printf '%s\n' "$reply"
    [[ $reply =~ ^\{\"code\":\"($codes)\" ]]
}

member() { # name; of the reply
    printf %s "$reply" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

call 200 sms phone="$phone" xid="$xid" sec="$check"
code=$(sed -n "s/.*\"to\":\"+86$phone\",\"code\":\"\([0-9]*\)\".*/\1/p" "$var/sms.jsonl" | tail -n 1)
call 200 reg phone="$phone" xid="$xid" yzm="$code" pwd="$password"

call 200 login phone="$phone" xid="$xid" pwd="$password"
uid=$(member uid) sec=$(member sec)
call '200|2001' yaoyiyao uid="$uid" xid="$xid" sec="$check"
call 200 loginout uid="$uid" sec="$sec"

echo "001: $phone is registered, logged in as $uid, and logged out"
