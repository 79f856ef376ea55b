/* What production refuses, and development does not. */
#include "config_fixture.h"

#define VARIABLE(name) "environment: REGISTRARD_" name ": "
#define ZEROS          "0000000000000000000000000000000000000000000000000000000000000000"

static void assert_refused(const char *first, const char *second, const char *mistakes)
{
    assert_mistakes_of(PRODUCTION, first, second, mistakes);
    assert_mistakes_of(DEVELOPMENT, first, second, "");
}

static void loose_settings(void **state)
{
    (void)state;
    assert_refused(
        "REGISTRARD_SERVER_STATE_DIR=.", "REGISTRARD_LIMITS_ENABLED=false",
        VARIABLE("SERVER_STATE_DIR") "must be empty in production: codes would be written to files\n" VARIABLE(
            "LIMITS_ENABLED") "must be true in production\n");
    assert_refused("REGISTRARD_REDIS_ALLOW_EVICTION=true", NULL,
                   VARIABLE("REDIS_ALLOW_EVICTION") "must be false in production\n");
}

static void cheap_hashing(void **state)
{
    (void)state;
    assert_refused("REGISTRARD_PASSWORD_MEMORY=19455", "REGISTRARD_PASSWORD_PASSES=1",
                   VARIABLE("PASSWORD_MEMORY") "must be at least 19456 in production\n" VARIABLE(
                       "PASSWORD_PASSES") "must be at least 2 in production\n");
    assert_mistakes_of(PRODUCTION, "REGISTRARD_PASSWORD_MEMORY=19456", "REGISTRARD_PASSWORD_PASSES=2", "");
}

static void secrets_of_development(void **state)
{
    (void)state;
    assert_refused("REGISTRARD_XMPP_SECRET=development-component", "REGISTRARD_REDIS_PASSWORD=development-redis",
                   VARIABLE("REDIS_PASSWORD") "is a secret for development\n" VARIABLE(
                       "XMPP_SECRET") "is a secret for development\n");
    assert_refused("REGISTRARD_POSTGRES_URL=postgresql://registrar:development-db@/registrar",
                   "REGISTRARD_D003_APP_SECRETS=app:development-application",
                   VARIABLE("POSTGRES_URL") "is a secret for development\n" VARIABLE(
                       "D003_APP_SECRETS") "is a secret for development\n");
}

static void the_published_seal_key(void **state)
{
    (void)state;
    static const char complaint[] = VARIABLE("KEYS_SEAL") "is a secret for development\n";
    assert_refused("REGISTRARD_KEYS_SEAL=" CONFIG_DEVELOPMENT_SEAL, NULL, complaint);
    assert_refused("REGISTRARD_KEYS_SEAL=" GOOD_SEAL "," CONFIG_DEVELOPMENT_SEAL, NULL, complaint);
    char upper[sizeof "REGISTRARD_KEYS_SEAL=9" CONFIG_DEVELOPMENT_SEAL];
    (void)snprintf(upper, sizeof upper, "REGISTRARD_KEYS_SEAL=9%s", CONFIG_DEVELOPMENT_SEAL);
    for (char *c = upper + strlen("REGISTRARD_KEYS_SEAL="); *c != '\0'; c++) {
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    }
    assert_refused(upper, NULL, complaint);
}

static void seal_keys_of_one_digit(void **state)
{
    (void)state;
    static const char complaint[] = VARIABLE("KEYS_SEAL") "holds a key that is one digit repeated\n";
    assert_refused("REGISTRARD_KEYS_SEAL=1:" ZEROS, NULL, complaint);
    assert_refused("REGISTRARD_KEYS_SEAL=" GOOD_SEAL ",2:" ZEROS, NULL, complaint);
}

static void short_secrets(void **state)
{
    (void)state;
    assert_refused("REGISTRARD_XMPP_SECRET=11-bytes-is", NULL,
                   VARIABLE("XMPP_SECRET") "must be at least 12 bytes long in production\n");
    assert_mistakes_of(PRODUCTION, "REGISTRARD_XMPP_SECRET=12-bytes-are", NULL, "");
    assert_refused("REGISTRARD_D003_APP_SECRETS=app:0123456789abcdef,other:0123456789abcde", NULL,
                   VARIABLE("D003_APP_SECRETS") "holds a secret of fewer than 16 bytes\n");
    assert_mistakes_of(PRODUCTION, "REGISTRARD_D003_BACKEND_SECRETS=app:0123456789abcdef", NULL, "");
}

static void files_that_everyone_can_read(void **state)
{
    (void)state;
    static const char complaint[] = "everyone on this machine can read the file (chmod o-r)\n";
    char wanted[200];

    write_text("secret", "correct horse battery\n", 0644);
    (void)snprintf(wanted, sizeof wanted, VARIABLE("REDIS_PASSWORD_FILE") "%s", complaint);
    assert_refused("REGISTRARD_REDIS_PASSWORD_FILE=secret", NULL, wanted);
    write_text("secret", "correct horse battery\n", 0640);
    assert_mistakes_of(PRODUCTION, "REGISTRARD_REDIS_PASSWORD_FILE=secret", NULL, "");

    write_text("other", "a key", 0604);
    (void)snprintf(wanted, sizeof wanted, VARIABLE("HTTPS_KEY") "%s", complaint);
    assert_refused("REGISTRARD_HTTPS_KEY=other", NULL, wanted);
}

static void an_ini_file_with_secrets_that_everyone_can_read(void **state)
{
    (void)state;
    write_text("registrard.conf", "[redis]\npassword = correct horse\n[http]\nport = 81\n[xmpp]\napi_secret =\n", 0644);
    struct outcome outcome = load_path("registrard.conf", PRODUCTION, NULL);
    assert_string_equal(
        outcome.mistakes,
        "registrard.conf:2: [redis] password: everyone on this machine can read the file (chmod o-r)\n");
    outcome_free(&outcome);
    /* without a secret in force from it, it may be read by all */
    outcome = load_path("registrard.conf", PRODUCTION, (const char *const[]){"REGISTRARD_REDIS_PASSWORD=other", NULL});
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
}

static void a_misspelt_profile_is_production(void **state)
{
    (void)state;
    struct outcome outcome = load("[server]\nprofile = Development\n[limits]\nenabled = false\n", PRODUCTION, NULL);
    assert_string_equal(outcome.mistakes,
                        "registrard.conf:2: [server] profile: must be one of: production development\n"
                        "registrard.conf:4: [limits] enabled: must be true in production\n");
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loose_settings),
        cmocka_unit_test(cheap_hashing),
        cmocka_unit_test(secrets_of_development),
        cmocka_unit_test(the_published_seal_key),
        cmocka_unit_test(seal_keys_of_one_digit),
        cmocka_unit_test(short_secrets),
        cmocka_unit_test(files_that_everyone_can_read),
        cmocka_unit_test(an_ini_file_with_secrets_that_everyone_can_read),
        cmocka_unit_test(a_misspelt_profile_is_production),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
