/* Types and bounds, defaults, and which source counts. */
#include "config_fixture.h"

static void assert_value(const char *variable, int64_t wanted, size_t offset)
{
    struct outcome outcome = load(NULL, DEVELOPMENT, (const char *const[]){variable, NULL});
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(*(const int64_t *)(const void *)((const char *)outcome.config + offset), wanted);
    outcome_free(&outcome);
}

static void durations_have_units(void **state)
{
    (void)state;
    size_t lifetime = offsetof(struct config, tokens_lifetime);
    assert_value("REGISTRARD_TOKENS_LIFETIME=1500ms", 1500, lifetime);
    assert_value("REGISTRARD_TOKENS_LIFETIME=10s", 10000, lifetime);
    assert_value("REGISTRARD_TOKENS_LIFETIME=5m", 300000, lifetime);
    assert_value("REGISTRARD_TOKENS_LIFETIME=2h", 7200000, lifetime);
    assert_value("REGISTRARD_TOKENS_LIFETIME=366d", 31622400000, lifetime);
    assert_value("REGISTRARD_BINDING_WAIT=0s", 0, offsetof(struct config, binding_wait));
}

static void other_durations_are_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"",
                                         "10",
                                         "s",
                                         "10 s",
                                         "-1s",
                                         "+1s",
                                         "1.5s",
                                         "10S",
                                         "1w",
                                         "10sx",
                                         "1h30m",
                                         "999ms",
                                         "367d",
                                         "0x10s",
                                         "9223372036854775807s",
                                         "99999999999999999999999s",
                                         "106751991168d"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char variable[80];
        (void)snprintf(variable, sizeof variable, "REGISTRARD_TOKENS_LIFETIME=%s", values[i]);
        assert_mistakes_of(DEVELOPMENT, variable, NULL,
                           "environment: REGISTRARD_TOKENS_LIFETIME: must be a duration with its unit (250ms, 10s, "
                           "5m, 2h, 30d) from 1s to 366d\n");
    }
}

static void whole_numbers_have_bounds(void **state)
{
    (void)state;
    size_t port = offsetof(struct config, xmpp_port);
    assert_value("REGISTRARD_XMPP_PORT=1", 1, port);
    assert_value("REGISTRARD_XMPP_PORT=65535", 65535, port);
    static const char *const values[] = {"",   "0",  "65536", "-1",  "+1",
                                         " 1", "1 ", "0x1",   "1e3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char variable[80];
        (void)snprintf(variable, sizeof variable, "REGISTRARD_XMPP_PORT=%s", values[i]);
        assert_mistakes_of(DEVELOPMENT, variable, NULL,
                           "environment: REGISTRARD_XMPP_PORT: must be a whole number from 1 to 65535\n");
    }
}

static void switches_are_true_or_false(void **state)
{
    (void)state;
    struct outcome outcome =
        load("[tcp]\nenabled = false\ntls = true\n[https]\ncertificate = certificate.pem\nkey = key.pem\n", DEVELOPMENT,
             NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_false(outcome.config->tcp_enabled);
    assert_true(outcome.config->tcp_tls);
    outcome_free(&outcome);
    static const char *const values[] = {"", "1", "yes", "on", "True", "true ", "falsee"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char variable[80];
        (void)snprintf(variable, sizeof variable, "REGISTRARD_TCP_TLS=%s", values[i]);
        assert_mistakes_of(DEVELOPMENT, variable, NULL, "environment: REGISTRARD_TCP_TLS: must be true or false\n");
    }
}

static void texts_have_a_longest_length(void **state)
{
    (void)state;
    char variable[600] = "REGISTRARD_XMPP_HOST=";
    size_t length = strlen(variable);
    memset(variable + length, 'a', 255);
    struct outcome outcome = load(NULL, DEVELOPMENT, (const char *const[]){variable, NULL});
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
    variable[length + 255] = 'a';
    assert_mistakes_of(DEVELOPMENT, variable, NULL, "environment: REGISTRARD_XMPP_HOST: is longer than 255 bytes\n");
}

static void texts_are_utf8_without_control_characters(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_XMPP_TLS_CA=a\xff", NULL,
                       "environment: REGISTRARD_XMPP_TLS_CA: is not UTF-8\n");
    assert_mistakes_of(
        DEVELOPMENT, "REGISTRARD_XMPP_TLS_CA=a\nb", NULL,
        "environment: REGISTRARD_XMPP_TLS_CA: holds a control character (a line break or tab, for instance)\n");
    assert_mistakes_of(
        DEVELOPMENT, "REGISTRARD_REDIS_PASSWORD=a\x7f", NULL,
        "environment: REGISTRARD_REDIS_PASSWORD: holds a control character (a line break or tab, for instance)\n");
}

static void words_are_of_a_list(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_LOG_LEVEL=inf", "REGISTRARD_XMPP_SERVER=auto openfire",
                       "environment: REGISTRARD_LOG_LEVEL: must be one of: debug info warn error\n"
                       "environment: REGISTRARD_XMPP_SERVER: must be one of: auto openfire prosody ejabberd\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_LOG_LEVEL=", NULL,
                       "environment: REGISTRARD_LOG_LEVEL: must be one of: debug info warn error\n");
}

static void the_environment_stands_above_the_file(void **state)
{
    (void)state;
    struct outcome outcome =
        load("[http]\nport = 1\nthreads = 2\n", DEVELOPMENT, (const char *const[]){"REGISTRARD_HTTP_PORT=3", NULL});
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->http_port, 3);
    assert_int_equal(outcome.config->http_threads, 2);
    assert_int_equal(outcome.config->http_connections, 10000);
    outcome_free(&outcome);
}

static void what_is_overridden_is_checked_too(void **state)
{
    (void)state;
    struct outcome outcome =
        load("[http]\nport = x\n", DEVELOPMENT, (const char *const[]){"REGISTRARD_HTTP_PORT=3", NULL});
    assert_string_equal(outcome.mistakes, "registrard.conf:2: [http] port: must be a whole number from 0 to 65535\n");
    outcome_free(&outcome);
}

static void unknown_variables_are_mistakes(void **state)
{
    (void)state;
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTP_PROT=1", "REGISTRARD_=1",
                       "environment: REGISTRARD_HTTP_PROT: unknown variable\n"
                       "environment: REGISTRARD_: unknown variable\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTP_PORT_FILE=x", "REGISTRARD_http_port=1",
                       "environment: REGISTRARD_HTTP_PORT_FILE: unknown variable\n"
                       "environment: REGISTRARD_...: unknown variable\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_\nforged=1", "REGISTRARD_HTTP_PORT",
                       "environment: REGISTRARD_...: unknown variable\n"
                       "environment: REGISTRARD_HTTP_PORT: must be a whole number from 0 to 65535\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_HTTP_PORT=1", "REGISTRARD_HTTP_PORT=2",
                       "environment: REGISTRARD_HTTP_PORT: given twice\n");
}

static void other_variables_are_not_ours(void **state)
{
    (void)state;
    struct outcome outcome =
        load(NULL, DEVELOPMENT,
             (const char *const[]){"PATH=/bin", "registrard_x=1", "REGISTRAR=x", "REGISTRARD=1", "", NULL});
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
}

static void development_has_looser_defaults(void **state)
{
    (void)state;
    struct outcome outcome = load(NULL, DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_true(config_is_development(outcome.config));
    assert_int_equal(outcome.config->http_connections_per_address, 0);
    assert_int_equal(outcome.config->tcp_connections_per_address, 0);
    assert_int_equal(outcome.config->limits_pictures_per_minute, 1000);
    assert_int_equal(outcome.config->limits_registrations_per_hour, 100000);
    assert_int_equal(outcome.config->limits_logins_per_minute, 10000);
    assert_int_equal(outcome.config->limits_logins_per_name_per_minute, 1000);
    assert_int_equal(outcome.config->limits_lookups_per_minute, 100000);
    outcome_free(&outcome);

    outcome = load(NULL, PRODUCTION, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_false(config_is_development(outcome.config));
    assert_int_equal(outcome.config->http_connections_per_address, 256);
    assert_int_equal(outcome.config->limits_logins_per_name_per_minute, 10);
    outcome_free(&outcome);
}

static void what_is_set_stands_above_what_development_loosens(void **state)
{
    (void)state;
    struct outcome outcome = load("[limits]\nlogins_per_minute = 5\n[server]\nprofile = development\n", DEVELOPMENT + 1,
                                  (const char *const[]){"REGISTRARD_LIMITS_LOOKUPS_PER_MINUTE=6", NULL});
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->limits_logins_per_minute, 5);
    assert_int_equal(outcome.config->limits_lookups_per_minute, 6);
    assert_int_equal(outcome.config->limits_pictures_per_minute, 1000);
    outcome_free(&outcome);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    struct config *config = NULL;
    config_free(&config);
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(other_durations_are_refused),
        cmocka_unit_test(whole_numbers_have_bounds),
        cmocka_unit_test(switches_are_true_or_false),
        cmocka_unit_test(texts_have_a_longest_length),
        cmocka_unit_test(texts_are_utf8_without_control_characters),
        cmocka_unit_test(words_are_of_a_list),
        cmocka_unit_test(the_environment_stands_above_the_file),
        cmocka_unit_test(what_is_overridden_is_checked_too),
        cmocka_unit_test(unknown_variables_are_mistakes),
        cmocka_unit_test(other_variables_are_not_ours),
        cmocka_unit_test(development_has_looser_defaults),
        cmocka_unit_test(what_is_set_stands_above_what_development_loosens),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
