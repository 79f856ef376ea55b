/* What must fit together, in either profile. */
#include "config_fixture.h"

#define VARIABLE(name) "environment: REGISTRARD_" name ": "

static void assert_fine(const char *first, const char *second)
{
    assert_mistakes_of(DEVELOPMENT, first, second, "");
}

static void what_is_required_must_be_set(void **state)
{
    (void)state;
    static const char *const nothing[] = {NULL};
    struct outcome outcome = load(NULL, nothing, nothing);
    assert_string_equal(outcome.mistakes, "configuration: [postgres] url: must be set\n"
                                          "configuration: [xmpp] domain: must be set\n"
                                          "configuration: [xmpp] component: must be set\n"
                                          "configuration: [xmpp] secret: must be set\n"
                                          "configuration: [keys] seal: must be set\n"
                                          "configuration: [https] certificate: must be set, because HTTPS is enabled\n"
                                          "configuration: [https] key: must be set, because HTTPS is enabled\n");
    outcome_free(&outcome);
    outcome = load("[postgres]\nurl =\n", DEVELOPMENT + 3, (const char *const[]){DEVELOPMENT[0], DEVELOPMENT[1], NULL});
    assert_string_equal(outcome.mistakes, "registrard.conf:2: [postgres] url: must be set\n");
    outcome_free(&outcome);
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_HOST=", NULL, VARIABLE("XMPP_HOST") "must be set\n");
}

/* registrarctl beside a file that registrard would refuse: without the component's secret, which it may not read. */
static void the_tool_needs_little(void **state)
{
    (void)state;
    static const char *const little[] = {"REGISTRARD_POSTGRES_URL=host=/run/postgresql",
                                         "REGISTRARD_XMPP_DOMAIN=example.org",
                                         "REGISTRARD_XMPP_SECRET_FILE=/nonexistent",
                                         "REGISTRARD_HTTPS_CERTIFICATE=/nonexistent",
                                         "REGISTRARD_TCP_PORT=8080",
                                         "REGISTRARD_KEYS_SEAL=" GOOD_SEAL,
                                         NULL};
    static const char *const nothing[] = {"REGISTRARD_REDIS_ADDRESS=nowhere", "REGISTRARD_KEYS_SEAL=x", NULL};
    struct config *config = NULL;
    char *mistakes = NULL;
    size_t size;
    FILE *stream = open_memstream(&mistakes, &size);
    assert_int_equal(config_load_for_tool(NULL, (char *const *)little, stream, &config), OK);
    assert_string_equal(config->xmpp_domain, "example.org");
    assert_int_equal(config->postgres_connect_timeout, 3000);
    assert_null(secret_is_empty(config->xmpp_secret) ? NULL : "a secret");
    config_free(&config);
    assert_int_equal(config_load_for_tool(NULL, (char *const *)nothing, stream, &config), ERR_INVALID);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(mistakes,
                        "configuration: [postgres] url: must be set\nconfiguration: [xmpp] domain: must be "
                        "set\n" VARIABLE("REDIS_ADDRESS") "must be host:port or the path of a socket\n" VARIABLE(
                            "KEYS_SEAL") "must be id:64 hex digits, comma-separated, with distinct ids from 1 to "
                                         "2147483647\n");
    free(mistakes);
}

static void addresses_are_of_ip(void **state)
{
    (void)state;
    assert_fine("REGISTRARD_HTTP_ADDRESS=0.0.0.0", "REGISTRARD_OPS_ADDRESS=2001:db8::1");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTP_ADDRESS=localhost", "REGISTRARD_HTTPS_ADDRESS=",
                       VARIABLE("HTTP_ADDRESS") "must be an IPv4 or IPv6 address\n" VARIABLE(
                           "HTTPS_ADDRESS") "must be an IPv4 or IPv6 address\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_TCP_ADDRESS=127.1", "REGISTRARD_OPS_ADDRESS=[::1]",
                       VARIABLE("TCP_ADDRESS") "must be an IPv4 or IPv6 address\n" VARIABLE(
                           "OPS_ADDRESS") "must be an IPv4 or IPv6 address\n");
}

static void ports_differ(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_TCP_PORT=8080", NULL,
                       VARIABLE("TCP_PORT") "is the port of [http] too\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_TCP_PORT=8082",
                       "REGISTRARD_OPS_ADDRESS=::", "configuration: [ops] port: is the port of [tcp] too\n");
    assert_fine("REGISTRARD_TCP_PORT=8080", "REGISTRARD_TCP_ADDRESS=127.0.0.2");
    assert_fine("REGISTRARD_TCP_PORT=8080", "REGISTRARD_TCP_ENABLED=false");
    assert_fine("REGISTRARD_TCP_PORT=0", "REGISTRARD_HTTP_PORT=0");
}

static void http_or_https_is_enabled(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTP_ENABLED=false", NULL,
                       VARIABLE("HTTPS_ENABLED") "HTTP and HTTPS are both switched off\n");
}

static void tls_needs_a_certificate(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTPS_ENABLED=true", "REGISTRARD_HTTPS_KEY=key.pem",
                       "configuration: [https] certificate: must be set, because HTTPS is enabled\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_TCP_TLS=true", "REGISTRARD_HTTPS_CERTIFICATE=certificate.pem",
                       "configuration: [https] key: must be set, because the TCP port speaks TLS\n");
    assert_fine("REGISTRARD_TCP_TLS=true", "REGISTRARD_TCP_ENABLED=false");
    assert_mistakes_of(PRODUCTION, "REGISTRARD_HTTPS_CERTIFICATE=absent.pem", "REGISTRARD_HTTPS_KEY=/tmp",
                       VARIABLE("HTTPS_CERTIFICATE") "cannot be read: No such file or directory\n" VARIABLE(
                           "HTTPS_KEY") "is not a regular file\n");
}

static void the_instance_is_a_name(void **state)
{
    (void)state;
    assert_fine("REGISTRARD_SERVER_INSTANCE=node-1.example_2", NULL);
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_SERVER_INSTANCE=a b", NULL,
                       VARIABLE("SERVER_INSTANCE") "may hold letters, digits, \".\", \"-\" and \"_\" only\n");
}

static void the_state_directory_exists(void **state)
{
    (void)state;
    assert_fine("REGISTRARD_SERVER_STATE_DIR=.", NULL);
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_SERVER_STATE_DIR=absent", NULL,
                       VARIABLE("SERVER_STATE_DIR") "is not a directory\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_SERVER_STATE_DIR=key.pem", NULL,
                       VARIABLE("SERVER_STATE_DIR") "is not a directory\n");
}

static void redis_has_a_port_or_a_path(void **state)
{
    (void)state;
    assert_fine("REGISTRARD_REDIS_ADDRESS=redis.example.org:6379", NULL);
    assert_fine("REGISTRARD_REDIS_ADDRESS=[::1]:6379", NULL);
    assert_fine("REGISTRARD_REDIS_ADDRESS=/run/redis/redis.sock", NULL);
    static const char *const wrong[] = {"REGISTRARD_REDIS_ADDRESS=redis",
                                        "REGISTRARD_REDIS_ADDRESS=redis:", "REGISTRARD_REDIS_ADDRESS=:6379",
                                        "REGISTRARD_REDIS_ADDRESS=redis:65536"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_mistakes_of(DEVELOPMENT, wrong[i], NULL,
                           VARIABLE("REDIS_ADDRESS") "must be host:port or the path of a socket\n");
    }
    char path[200] = "REGISTRARD_REDIS_ADDRESS=/";
    memset(path + strlen(path), 'a', 107);
    assert_mistakes_of(DEVELOPMENT, path, NULL,
                       VARIABLE("REDIS_ADDRESS") "is longer than the 107 bytes that a socket's path may have\n");
}

static void pauses_grow(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_BACKOFF=11s", "REGISTRARD_OUTBOX_BACKOFF_MAX=100ms",
                       "configuration: [xmpp] backoff_max: must not be below backoff\n" VARIABLE(
                           "OUTBOX_BACKOFF_MAX") "must not be below backoff\n");
    assert_fine("REGISTRARD_XMPP_BACKOFF=10s", NULL);
}

static void passwords_have_room(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_D004_PASSWORD_MIN=65", "REGISTRARD_PASSWORD_STOP_AFTER=9",
                       "configuration: [d004] password_max: must not be below password_min\n" VARIABLE(
                           "PASSWORD_STOP_AFTER") "must not be below slow_after\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_PASSWORD_SLOW_DELAY=6m", NULL,
                       "configuration: [password] slow_delay_max: must not be below slow_delay\n");
    assert_fine("REGISTRARD_D004_PASSWORD_MIN=64", "REGISTRARD_PASSWORD_STOP_AFTER=10");
}

static void seal_keys_are_well_formed(void **state)
{
    (void)state;
    static const char complaint[] =
        VARIABLE("KEYS_SEAL") "must be id:64 hex digits, comma-separated, with distinct ids from 1 to 2147483647\n";
    assert_fine("REGISTRARD_KEYS_SEAL=" GOOD_SEAL, NULL);
    assert_fine("REGISTRARD_KEYS_SEAL=" GOOD_SEAL "," CONFIG_DEVELOPMENT_SEAL, NULL);
    static const char *const wrong[] = {
        "REGISTRARD_KEYS_SEAL=secret",
        "REGISTRARD_KEYS_SEAL=1:00112233",
        "REGISTRARD_KEYS_SEAL=0:00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef",
        "REGISTRARD_KEYS_SEAL=" GOOD_SEAL "0",
        "REGISTRARD_KEYS_SEAL=" GOOD_SEAL "," GOOD_SEAL,
        "REGISTRARD_KEYS_SEAL=" GOOD_SEAL " " CONFIG_DEVELOPMENT_SEAL,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_mistakes_of(DEVELOPMENT, wrong[i], NULL, complaint);
    }
}

static void application_secrets_are_a_list(void **state)
{
    (void)state;
    static const char complaint[] =
        VARIABLE("D003_APP_SECRETS") "must be app_id:secret, comma-separated, without spaces, each app_id once\n";
    assert_fine("REGISTRARD_D003_APP_SECRETS=app:secret", "REGISTRARD_D003_BACKEND_SECRETS=a:x:y,b:z");
    static const char *const wrong[] = {
        "REGISTRARD_D003_APP_SECRETS=app",         "REGISTRARD_D003_APP_SECRETS=:secret",
        "REGISTRARD_D003_APP_SECRETS=app:",        "REGISTRARD_D003_APP_SECRETS=,",
        "REGISTRARD_D003_APP_SECRETS=a:x,",        "REGISTRARD_D003_APP_SECRETS=a:x,,b:y",
        "REGISTRARD_D003_APP_SECRETS=a:x, b:y",    "REGISTRARD_D003_APP_SECRETS=a:x,b",
        "REGISTRARD_D003_APP_SECRETS=a:x,b:y,a:z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_mistakes_of(DEVELOPMENT, wrong[i], NULL, complaint);
    }
}

static void the_two_domains_differ(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_COMPONENT=example.org", NULL,
                       VARIABLE("XMPP_COMPONENT") "must be a domain of its own, not the server's\n");
}

static void domains_are_domains(void **state)
{
    (void)state;
    assert_fine("REGISTRARD_XMPP_DOMAIN=localhost", "REGISTRARD_XMPP_COMPONENT=registrar.localhost");
    assert_fine("REGISTRARD_XMPP_DOMAIN=b\xc3\xbc"
                "cher.example",
                NULL);
    static const char *const wrong[] = {"Example.org",  "a@example.org", "example.org/a", "exa mple.org",
                                        "<example.org", ".example.org",  "example.org.",  "example..org"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char variable[80];
        (void)snprintf(variable, sizeof variable, "REGISTRARD_XMPP_DOMAIN=%s", wrong[i]);
        assert_mistakes_of(DEVELOPMENT, variable, NULL, VARIABLE("XMPP_DOMAIN") "must be a domain in lower case\n");
    }
}

static void a_plain_link_stays_on_this_machine(void **state)
{
    (void)state;
    static const char complaint[] = "configuration: [xmpp] tls: must be true for a host on another machine, unless "
                                    "way_protected says that something else protects the way\n";
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_HOST=192.0.2.1", NULL, complaint);
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_HOST=2001:db8::1", NULL, complaint);
    assert_fine("REGISTRARD_XMPP_HOST=192.0.2.1", "REGISTRARD_XMPP_WAY_PROTECTED=true");
    assert_fine("REGISTRARD_XMPP_HOST=192.0.2.1", "REGISTRARD_XMPP_TLS=true");
    assert_fine("REGISTRARD_XMPP_HOST=127.3.2.1", NULL);
    assert_fine("REGISTRARD_XMPP_HOST=::1", NULL);
    assert_fine("REGISTRARD_XMPP_HOST=xmpp.example.org", NULL);
}

static void protection_without_tls_is_a_mistake(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_TLS_CA=certificate.pem", "REGISTRARD_XMPP_TLS_PIN=1",
                       VARIABLE("XMPP_TLS_CA") "has no effect, because [xmpp] tls is false\n" VARIABLE(
                           "XMPP_TLS_PIN") "has no effect, because [xmpp] tls is false\n");
}

static void tls_settings_are_checked(void **state)
{
    (void)state;
    static const char tls[] = "REGISTRARD_XMPP_TLS=true";
    assert_fine(tls, "REGISTRARD_XMPP_TLS_CA=certificate.pem");
    assert_mistakes_of(DEVELOPMENT, tls, "REGISTRARD_XMPP_TLS_CA=absent.pem",
                       VARIABLE("XMPP_TLS_CA") "cannot be read: No such file or directory\n");
    assert_fine(tls, "REGISTRARD_XMPP_TLS_PIN=00112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdef");
    assert_mistakes_of(DEVELOPMENT, tls, "REGISTRARD_XMPP_TLS_PIN=0011223344",
                       VARIABLE("XMPP_TLS_PIN") "must be 64 hex digits\n");
    assert_mistakes_of(DEVELOPMENT, tls,
                       "REGISTRARD_XMPP_TLS_PIN=x0112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdef",
                       VARIABLE("XMPP_TLS_PIN") "must be 64 hex digits\n");
}

static void ejabberd_has_an_api(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_SERVER=ejabberd", NULL,
                       "configuration: [xmpp] api_url: must be set, because the server is ejabberd\n");
    assert_fine("REGISTRARD_XMPP_API_SECRET=x", "REGISTRARD_XMPP_API_URL=http://127.0.0.1:5443/api");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_API_SECRET=x", "REGISTRARD_XMPP_API_URL=ftp://x",
                       VARIABLE("XMPP_API_URL") "must begin with http:// or https://\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_API_URL=http://127.0.0.1:5443/api", NULL,
                       "configuration: [xmpp] api_secret: must be set, because api_url is\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_API_SECRET=x", "REGISTRARD_XMPP_API_URL=http://a:b@127.0.0.1/",
                       VARIABLE("XMPP_API_URL") "must not name a user; that is for api_user and api_secret\n");
}

/* Names are looked at when they are resolved. */
static void the_api_is_protected_as_the_link_is(void **state)
{
    (void)state;
    static const char *const near[] = {
        "http://127.0.0.9",          "http://127.0.0.9/api",        "http://[::1]:5280/api",
        "http://localhost:5280/api", "http://xmpp.example.org/api", "https://192.0.2.1:5443/api",
        "https://[2001:db8::1]/api"};
    static const char *const far[] = {"http://192.0.2.1", "http://192.0.2.1:5280/api", "http://[2001:db8::1]:5280/api",
                                      "http://0.0.0.0/api"};
    char url[80];
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        (void)snprintf(url, sizeof url, "REGISTRARD_XMPP_API_URL=%s", near[i]);
        assert_fine("REGISTRARD_XMPP_API_SECRET=x", url);
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        (void)snprintf(url, sizeof url, "REGISTRARD_XMPP_API_URL=%s", far[i]);
        struct outcome outcome = load("[xmpp]\nway_protected = true\n", DEVELOPMENT,
                                      (const char *const[]){"REGISTRARD_XMPP_API_SECRET=x", url, NULL});
        assert_string_equal(outcome.mistakes, "");
        outcome_free(&outcome);
        assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_API_SECRET=x", url,
                           VARIABLE("XMPP_API_URL") "must begin with https:// for a host on another machine, unless "
                                                    "way_protected says that something else protects the way\n");
    }
}

static void who_calls_the_api(void **state)
{
    (void)state;
    static const char file[] = "[xmpp]\napi_url = http://127.0.0.1:5280/api\napi_secret = x\n";
    static const struct {
        const char *user, *mistakes;
    } cases[] = {
        {"REGISTRARD_XMPP_API_USER=registrar-api@example.org", ""},
        {"REGISTRARD_XMPP_API_USER=registrar",
         VARIABLE("XMPP_API_USER") "must be a JID, such as registrar-api@example.org\n"},
        {"REGISTRARD_XMPP_API_USER=a:b@example.org",
         VARIABLE("XMPP_API_USER") "must be a JID, such as registrar-api@example.org\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome outcome = load(file, DEVELOPMENT, (const char *const[]){cases[i].user, NULL});
        assert_string_equal(outcome.mistakes, cases[i].mistakes);
        outcome_free(&outcome);
    }
}

/* Of the settings of TLS this one is the API's as well. */
static void a_ca_may_be_the_apis(void **state)
{
    (void)state;
    static const char file[] = "[xmpp]\napi_url = https://127.0.0.1:5443/api\napi_secret = x\n";
    struct outcome outcome =
        load(file, DEVELOPMENT, (const char *const[]){"REGISTRARD_XMPP_TLS_CA=certificate.pem", NULL});
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
    outcome = load(file, DEVELOPMENT, (const char *const[]){"REGISTRARD_XMPP_TLS_CA=absent.pem", NULL});
    assert_string_equal(outcome.mistakes, VARIABLE("XMPP_TLS_CA") "cannot be read: No such file or directory\n");
    outcome_free(&outcome);
}

/* A value that could not be read is told once; what follows from its default would be noise. */
static void what_is_broken_is_told_once(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_KEYS_SEAL_FILE=absent", "REGISTRARD_KEYS_SEAL=",
                       "environment: REGISTRARD_KEYS_SEAL_FILE: the secret itself is given as well; give one of the "
                       "two\n"
                       "environment: REGISTRARD_KEYS_SEAL_FILE: cannot be read: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_required_must_be_set),
        cmocka_unit_test(the_tool_needs_little),
        cmocka_unit_test(addresses_are_of_ip),
        cmocka_unit_test(ports_differ),
        cmocka_unit_test(http_or_https_is_enabled),
        cmocka_unit_test(tls_needs_a_certificate),
        cmocka_unit_test(the_instance_is_a_name),
        cmocka_unit_test(the_state_directory_exists),
        cmocka_unit_test(redis_has_a_port_or_a_path),
        cmocka_unit_test(pauses_grow),
        cmocka_unit_test(passwords_have_room),
        cmocka_unit_test(seal_keys_are_well_formed),
        cmocka_unit_test(application_secrets_are_a_list),
        cmocka_unit_test(the_two_domains_differ),
        cmocka_unit_test(domains_are_domains),
        cmocka_unit_test(a_plain_link_stays_on_this_machine),
        cmocka_unit_test(protection_without_tls_is_a_mistake),
        cmocka_unit_test(tls_settings_are_checked),
        cmocka_unit_test(ejabberd_has_an_api),
        cmocka_unit_test(the_api_is_protected_as_the_link_is),
        cmocka_unit_test(who_calls_the_api),
        cmocka_unit_test(a_ca_may_be_the_apis),
        cmocka_unit_test(what_is_broken_is_told_once),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
