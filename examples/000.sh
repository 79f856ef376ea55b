#!/usr/bin/env bash
# Dialect 000: registers a phone and logs in, as the Android app does. Against `make run`, which writes the codes that
# would go out by SMS to sms.jsonl.
#
#   examples/000.sh          with `make run` going; API and VAR name another server and its state directory
set -euo pipefail
api=${API:-https://localhost:8443}/android
sms=${VAR:-var}/sms.jsonl
phone=139$(printf '%08d' $((SRANDOM % 100000000)))
account=example-$phone
password='correct horse'

# call PATH NAME=VALUE…: the reply, which must say status 200
call() {
    local path=$1 reply pair form=()
    shift
    for pair; do
        form+=(--data-urlencode "$pair")
    done
    reply=$(curl -sSk --fail-with-body --max-time 20 "${form[@]}" "$api/$path")
    case $reply in
    *'"status":200'[,}]*) printf '%s\n' "$reply" ;;
    *)
        printf '%s: %s\n' "$path" "$reply" >&2
        return 1
        ;;
    esac
}

# member NAME: of the reply on standard input, a string or a number
member() {
    sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

temp_id=$(call getMes phone="$phone" type=0 | member temp_id)
code=$(sed -n "s/.*\"to\":\"+86$phone\".*\"code\":\"\([0-9]*\)\".*/\1/p" "$sms" | tail -n 1)
call verifyMes temp_id="$temp_id" sms_code="$code" >/dev/null
call register phone="$phone" account="$account" password="$password" temp_id="$temp_id" >/dev/null

salt=$(call getSalt phone="$phone" | member salt)
digest=$(printf %s "$password$salt" | md5sum | cut -d ' ' -f 1)
reply=$(call login phone="$phone" salt="$salt" password="$digest")
id=$(member id <<<"$reply")
call user/modify_information id="$id" nickname=example token="$(member token <<<"$reply")" >/dev/null

echo "000: $account ($phone) is registered and logged in as $id, JID $(member jid <<<"$reply")"
