# A private Prosody 0.12 with its data in VAR/prosody: the XMPP domain localhost, and registrard's component beside it, with
# others for further registrards on the same database. Sourced after process.sh.
#
# Both ports are on loopback. Clients may use STARTTLS with the self-signed certificate of VAR, but need not: nothing
# leaves the machine.

XMPP_DOMAIN=localhost
XMPP_COMPONENT=registrar.localhost
XMPP_MORE_COMPONENTS="second.$XMPP_COMPONENT third.$XMPP_COMPONENT" # for further registrards, with the same secret

prosody_prepare() {
    certificate_once
    secret_once component echo "development-$(random_hex 16)"
}

prosody_start() {
    local client component
    port_keep client && client=$PORT
    port_keep component && component=$PORT
    prosody_configuration "$client" "$component" "$(var_read secrets/component)" | var_write prosody/prosody.cfg.lua
    process_start prosody /usr/bin/prosody --config "$VAR/prosody/prosody.cfg.lua" -F
}

# What registrard needs of a Prosody, each for a reason:
# - admins and admin_adhoc: it makes and removes JIDs by XEP-0133;
# - privilege on the host and on the component: it writes rosters by XEP-0356;
# - validate_from_addresses off: it sends probes in the users' names, so that clients that are online when they are bound
#   see each other at once;
# - offline: who is asked something while he is offline is told when he comes;
# - version: it chooses its driver by what the server says of itself.
prosody_configuration() { # client port, component port, component secret
    cat <<END
data_path = "$VAR/prosody"
log = { { levels = { min = "info" }, to = "console" } }
certificates = "$VAR/tls"
storage = "internal"
authentication = "internal_hashed"
plugin_paths = { "/usr/lib/prosody/modules" }
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "version", "offline", "admin_adhoc",
    "privilege" }
modules_disabled = { "s2s", "s2s_auth_certs" }
allow_registration = false
admins = { $(printf '"%s"; ' $XMPP_COMPONENT $XMPP_MORE_COMPONENTS)}
c2s_ports = { $1 }
c2s_interfaces = { "127.0.0.1" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
component_ports = { $2 }
component_interfaces = { "127.0.0.1" }

VirtualHost "$XMPP_DOMAIN"
    ssl = { certificate = "$VAR/tls/certificate.pem", key = "$VAR/tls/key.pem" }
    privileged_entities = { $(printf '["%s"] = { roster = "both" }; ' $XMPP_COMPONENT $XMPP_MORE_COMPONENTS)}
END
    local component
    for component in $XMPP_COMPONENT $XMPP_MORE_COMPONENTS; do
        cat <<END

Component "$component"
    component_secret = "$3"
    modules_enabled = { "privilege" }
    validate_from_addresses = false
END
    done
}

prosody_ready() {
    process_ready prosody port_answers "$(port_kept component)" &&
        process_ready prosody port_answers "$(port_kept client)"
}

prosody_stop() {
    process_signal prosody TERM
}

prosody_settings() {
    say "REGISTRARD_XMPP_HOST=127.0.0.1"
    say "REGISTRARD_XMPP_PORT=$(port_kept component)"
    say "REGISTRARD_XMPP_DOMAIN=$XMPP_DOMAIN"
    say "REGISTRARD_XMPP_COMPONENT=$XMPP_COMPONENT"
    say "REGISTRARD_XMPP_SECRET_FILE=$VAR/secrets/component"
    say "STACK_MORE_COMPONENTS=${XMPP_MORE_COMPONENTS// /,}"
    say "STACK_CLIENT_PORT=$(port_kept client)"
}
