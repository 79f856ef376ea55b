#!/usr/bin/env bash
# Dialect 004: registers a phone in four steps, logs in, and checks the token. Against `make run`, which writes the codes
# that would go out by SMS to sms.jsonl.
#
#   examples/004.sh          with `make run` going; API and VAR name another server and its state directory
set -euo pipefail
api=${API:-https://localhost:8443}
sms=${VAR:-var}/sms.jsonl
phone=138$(printf '%08d' $((SRANDOM % 100000000)))
password=123456
cookies=$(mktemp)
trap 'rm -f -- "$cookies"' EXIT

call() { # path, JSON members; prints the reply
    curl -sSk -b "$cookies" -c "$cookies" -H 'Content-Type: application/json' -d "{\"phone_number\": \"$phone\", $2}" "$api$1"
}

expect() { # path, JSON members; the reply must say that it went well
    reply=$(call "$1" "$2")
    printf '%s\n' "$reply"
    case $reply in
    '{"code":1,'*) ;;
    *) exit 1 ;;
    esac
}

expect /client/register-step-1 '"x": ""'
code=$(sed -n "s/.*\"to\":\"+86$phone\",\"code\":\"\([0-9]*\)\".*/\1/p" "$sms" | tail -n 1)
expect /client/register-step-2 "\"validate_number\": \"$code\""
expect /client/register-step-3 "\"password\": \"$password\", \"password_confirm\": \"$password\""
expect /client/register-step-4 '"email": "someone@example.org"'

random=$SRANDOM
now=$(date +%s)
digest=$(printf %s "$password$random$now" | sha256sum)
expect /client/login "\"encryption_str\": \"${digest%% *}\", \"random_str\": \"$random\", \"time_stamp\": \"$now\""
token=$(printf %s "$reply" | sed 's/.*"token":"\([^"]*\)".*/\1/')
valid=$(curl -sSk "$api/verify_access_token" -d access_token="$token")
[ "$valid" = '{"result":0,"validate":true}' ]

echo "004: $phone is registered and logged in"
