# A private ejabberd 23.01 with its data in VAR/ejabberd: the XMPP domain localhost, and registrard's component beside it.
# Sourced after process.sh and prosody.sh, whose names and secrets it shares.
#
# All ports are on loopback. The node is not a distributed one: no epmd is started and no cookie needed, and any number of
# them run on a machine. The price is that ejabberdctl does not reach it; what an operator does with that is done by
# ejabberd_setup. docs/ejabberd.md says what each right is for; mod_register is for tests, whose clients change passwords and
# take their JIDs away behind registrard's back.

ejabberd_prepare() {
    certificate_once
    secret_once component echo "development-$(random_hex 16)"
    secret_once api random_hex 16
    secret_once api-password random_hex 16
    as_user mkdir -p "$VAR/ejabberd"
}

ejabberd_start() {
    local client component api
    port_keep client && client=$PORT
    port_keep component && component=$PORT
    port_keep api && api=$PORT
    ejabberd_configuration "$client" "$component" "$api" "$(var_read secrets/component)" |
        var_write ejabberd/ejabberd.yml
    ejabberd_setup | var_write ejabberd/setup.erl
    as_user rm -f -- "$VAR/ejabberd/ready"
    process_start ejabberd env -u ERL_FLAGS -u ERL_AFLAGS -u ERL_ZFLAGS HOME="$VAR/ejabberd" \
        ERL_LIBS="$(dirname -- "$(ejabberd_library)")" ERL_CRASH_DUMP="$VAR/log/ejabberd.dump" \
        EJABBERD_CONFIG_PATH="$VAR/ejabberd/ejabberd.yml" EJABBERD_LOG_PATH="$VAR/log/ejabberd-own.log" \
        /usr/bin/erl +sbwt none +sbwtdcpu none +sbwtdio none -noinput -mnesia dir "\"$VAR/ejabberd\"" \
        -s ejabberd -eval "{ok, ok} = file:script(\"$VAR/ejabberd/setup.erl\")."
}

# Where Debian has it: /usr/lib/ARCHITECTURE/ejabberd-VERSION.
ejabberd_library() {
    local found
    found=$(dpkg-query -L ejabberd 2>/dev/null | grep '/ejabberd-[0-9.-]*$') || die "the package ejabberd is not installed"
    printf '%s\n' "${found%%$'\n'*}"
}

# What ejabberdctl register and oauth_issue_token do, with a token that is known; at each start, because an ejabberd that
# was killed may have forgotten them. ejabberd_ready waits for it to be done.
ejabberd_setup() {
    cat <<END
Secret = fun(Name) -> {ok, Text} = file:read_file("$VAR/secrets/" ++ Name), string:trim(Text) end,
User = <<"registrar-api">>, Domain = <<"$XMPP_DOMAIN">>,
_ = ejabberd_auth:try_register(User, Domain, Secret("api-password")),
_ = ejabberd_auth:try_register(<<"registrar-blind">>, Domain, Secret("api-password")),
{ok, _} = ejabberd_oauth:associate_access_token(
    Secret("api"),
    [{<<"resource_owner">>, {user, User, Domain}},
     {<<"scope">>, [<<"add_rosteritem">>, <<"delete_rosteritem">>, <<"get_roster">>, <<"check_account">>,
                    <<"check_password">>]}],
    [{expiry_time, 315360000}]),
ok = file:write_file("$VAR/ejabberd/ready", <<>>).
END
}

ejabberd_configuration() { # client port, component port, API port, component secret
    cat <<END
loglevel: info
hide_sensitive_log_data: true
hosts: ["$XMPP_DOMAIN"]
certfiles: ["$VAR/tls/certificate.pem", "$VAR/tls/key.pem"]
auth_password_format: scram
listen:
  - port: $1
    ip: 127.0.0.1
    backlog: 64
    module: ejabberd_c2s
    starttls: true
  - port: $2
    ip: 127.0.0.1
    module: ejabberd_service
    global_routes: false
    hosts:
$(printf '      "%s": { password: "'"$4"'" }\n' $XMPP_COMPONENT $XMPP_MORE_COMPONENTS)
  - port: $3
    ip: 127.0.0.1
    backlog: 64
    module: ejabberd_http
    request_handlers:
      /api/v0: mod_http_api
acl:
  registrar:
    server: [$(printf '"%s", ' $XMPP_COMPONENT $XMPP_MORE_COMPONENTS)]
  registrar_api:
    user: "registrar-api@$XMPP_DOMAIN"
  registrar_blind:
    user: "registrar-blind@$XMPP_DOMAIN"
access_rules:
  configure:
    allow: registrar
  registrar_api:
    allow: registrar_api
oauth_access: registrar_api
api_permissions:
  "registrar":
    from: mod_http_api
    who:
      access:
        allow:
          - acl: registrar_api
      oauth:
        scope: [add_rosteritem, delete_rosteritem, get_roster, check_account, check_password]
        access:
          allow:
            - acl: registrar_api
    what: [add_rosteritem, delete_rosteritem, get_roster, check_account, check_password]
  "without passwords":
    from: mod_http_api
    who:
      access:
        allow:
          - acl: registrar_blind
    what: [add_rosteritem, delete_rosteritem, get_roster, check_account]
modules:
  mod_adhoc: {}
  mod_admin_extra: {}
  mod_configure: {}
  mod_disco: {}
  mod_http_api: {}
  mod_last: {}
  mod_offline: {}
  mod_ping: {}
  mod_register: {}
  mod_roster: {}
  mod_version: {}
END
}

ejabberd_ready() {
    process_ready ejabberd port_answers "$(port_kept component)" &&
        process_ready ejabberd port_answers "$(port_kept client)" &&
        process_ready ejabberd port_answers "$(port_kept api)" &&
        process_ready ejabberd as_user test -e "$VAR/ejabberd/ready"
}

ejabberd_stop() {
    process_signal ejabberd TERM
}

ejabberd_settings() {
    prosody_settings
    say "REGISTRARD_XMPP_API_URL=http://127.0.0.1:$(port_kept api)/api/v0"
    say "REGISTRARD_XMPP_API_SECRET_FILE=$VAR/secrets/api"
}
