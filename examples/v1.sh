#!/usr/bin/env bash
# Dialect v1: a device and a phone, registered by 003; the device makes a claim code, the phone redeems it, and each finds the other
# among its bindings. Against `make run`, which writes the answers of pictures to captcha.jsonl.
#
#   examples/v1.sh           with `make run` going; API and VAR name another server and its state directory
set -euo pipefail
api=${API:-https://localhost:8443}
captcha=${VAR:-var}/captcha.jsonl
phone=136$(printf '%08d' $((SRANDOM % 100000000)))
device=lamp-$phone
password=secret

# A picture; a person would read it.
picture() {
    id=$(curl -sSk -o /dev/null -D - "$api/verify_code" | tr -d '\r' | sed -n 's/^X-Verify-Id: //Ip')
    answer=$(sed -n "s/.*\"id\":\"$id\",\"answer\":\"\([^\"]*\)\".*/\1/p" "$captcha")
}

# member NAME: of the JSON on standard input
member() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

# token NAME TYPE: registers it and logs it in
token() {
    picture
    curl -sSk --fail -o /dev/null "$api/register" -d user_name="$1" -d password=$password -d type="$2" -d device_type=lamp \
        -d verify_id="$id" -d verify_code="$answer"
    picture
    curl -sSk --fail "$api/login" -d user_name="$1" -d password=$password -d type="$2" -d verify_id="$id" -d verify_code="$answer" |
        member access_token
}

# call METHOD PATH TOKEN [BODY]: the reply. The token goes in by standard input, so that it is in no list of processes.
call() {
    local more=()
    [ $# -lt 4 ] || more=(-H 'Content-Type: application/json' -d "$4")
    curl -sSk --fail-with-body --max-time 20 -X "$1" "$api$2" -H @- "${more[@]}" <<<"Authorization: Bearer $3"
}

of_device=$(token "$device" 2)
of_phone=$(token "$phone" 1)
code=$(call POST /v1/claims "$of_device" '{}' | member code)
call POST /v1/claims/redeem "$of_phone" "{\"code\": \"$code\"}" >/dev/null
call GET /v1/bindings "$of_phone" | grep -q "\"user_name\":\"$device\""
call GET /v1/bindings "$of_device" | grep -q "\"user_name\":\"$phone\""

echo "v1: $phone and $device are logged in, and bound by the code $code"
