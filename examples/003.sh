#!/usr/bin/env bash
# Dialect 003: registers a phone and a device, logs the phone in, binds the device to it, and checks the token. Against `make run`,
# which writes the answers of pictures to captcha.jsonl.
#
#   examples/003.sh          with `make run` going; API and VAR name another server and its state directory
set -euo pipefail
api=${API:-https://localhost:8443}
captcha=${VAR:-var}/captcha.jsonl
phone=137$(printf '%08d' $((SRANDOM % 100000000)))
device=lamp-$phone
password=secret

# call PATH NAME=VALUE…: the reply, which must say result 0
call() {
    local path=$1 reply pair form=()
    shift
    for pair; do
        form+=(--data-urlencode "$pair")
    done
    reply=$(curl -sSk --fail-with-body --max-time 20 "${form[@]}" "$api/$path")
    case $reply in
    *'"result":0'[,}]*) printf '%s\n' "$reply" ;;
    *)
        printf '%s: %s\n' "$path" "$reply" >&2
        return 1
        ;;
    esac
}

# A picture; a person would read it.
picture() {
    id=$(curl -sSk -o /dev/null -D - "$api/verify_code" | tr -d '\r' | sed -n 's/^X-Verify-Id: //Ip')
    answer=$(sed -n "s/.*\"id\":\"$id\",\"answer\":\"\([^\"]*\)\".*/\1/p" "$captcha")
}

picture
call register user_name="$phone" password="$password" type=1 verify_id="$id" verify_code="$answer" >/dev/null
picture
call register user_name="$device" password="$password" type=2 device_type=lamp verify_id="$id" verify_code="$answer" >/dev/null
picture
reply=$(call login user_name="$phone" password="$password" type=1 verify_id="$id" verify_code="$answer")
token=$(sed 's/.*"access_token":"\([^"]*\)".*/\1/' <<<"$reply")
jid=$(sed 's/.*"jid":"\([^"]*\)".*/\1/' <<<"$reply")
call verify_access_token access_token="$token" >/dev/null
call set_user_banding user_name="$phone" "user_name_ls=[\"$device\"]" access_token="$token" >/dev/null

echo "003: $phone is registered and logged in, JID $jid, bound to $device"
