/* Secrets: from files too, and never shown, neither in a dump nor in a mistake. */
#include "config_fixture.h"

static void assert_redis_password(struct outcome *outcome, const char *wanted)
{
    assert_string_equal(outcome->mistakes, "");
    assert_string_equal(secret_expose(outcome->config->redis_password), wanted);
    assert_int_equal(outcome->config->redis_password.length, strlen(wanted));
    outcome_free(outcome);
}

static void a_file_may_hold_the_secret(void **state)
{
    (void)state;
    write_text("secret", "from a file\n", 0600);
    struct outcome outcome = load("[redis]\npassword_file = secret\n", DEVELOPMENT, NULL);
    assert_redis_password(&outcome, "from a file");
    outcome = load(NULL, DEVELOPMENT, (const char *const[]){"REGISTRARD_REDIS_PASSWORD_FILE=secret", NULL});
    assert_redis_password(&outcome, "from a file");
}

static void one_newline_is_dropped(void **state)
{
    (void)state;
    static const char *const only[] = {"REGISTRARD_REDIS_PASSWORD_FILE=secret", NULL};
    write_text("secret", " spaces stay ", 0600);
    struct outcome outcome = load(NULL, DEVELOPMENT, only);
    assert_redis_password(&outcome, " spaces stay ");
    write_text("secret", "", 0600);
    outcome = load(NULL, DEVELOPMENT, only);
    assert_redis_password(&outcome, "");
    write_text("secret", "two\n\n", 0600);
    assert_mistakes_of(
        DEVELOPMENT, only[0], NULL,
        "environment: REGISTRARD_REDIS_PASSWORD_FILE: holds a control character (a line break or tab, for instance)\n");
}

static void the_environment_stands_above_the_file(void **state)
{
    (void)state;
    write_text("secret", "from the file's file", 0600);
    write_text("other", "from the environment's file", 0600);
    struct outcome outcome = load("[redis]\npassword_file = secret\n", DEVELOPMENT,
                                  (const char *const[]){"REGISTRARD_REDIS_PASSWORD=from the environment", NULL});
    assert_redis_password(&outcome, "from the environment");
    outcome = load("[redis]\npassword = inline\n", DEVELOPMENT,
                   (const char *const[]){"REGISTRARD_REDIS_PASSWORD_FILE=other", NULL});
    assert_redis_password(&outcome, "from the environment's file");
    outcome = load("[redis]\npassword_file = absent\n", DEVELOPMENT,
                   (const char *const[]){"REGISTRARD_REDIS_PASSWORD_FILE=other", NULL});
    assert_redis_password(&outcome, "from the environment's file");
}

static void both_at_once_is_a_mistake(void **state)
{
    (void)state;
    write_text("secret", "x", 0600);
    assert_mistakes("[redis]\npassword_file = secret\npassword = x\n",
                    "registrard.conf:2: [redis] password_file: the secret itself is given as well; give one of the "
                    "two\n");
    assert_mistakes_of(DEVELOPMENT, "REGISTRARD_REDIS_PASSWORD=", "REGISTRARD_REDIS_PASSWORD_FILE=secret",
                       "environment: REGISTRARD_REDIS_PASSWORD_FILE: the secret itself is given as well; give one of "
                       "the two\n");
}

static void files_that_cannot_be_used_are_mistakes(void **state)
{
    (void)state;
    assert_mistakes("[redis]\npassword_file = absent\n",
                    "registrard.conf:2: [redis] password_file: cannot be read: No such file or directory\n");
    assert_mistakes("[redis]\npassword_file = /\n",
                    "registrard.conf:2: [redis] password_file: is not a regular file\n");
    write_bytes("secret", "a\0b", 3, 0600);
    assert_mistakes("[redis]\npassword_file = secret\n",
                    "registrard.conf:2: [redis] password_file: holds a NUL byte\n");
    write_text("secret", "\xc3\x28\n", 0600);
    assert_mistakes("[redis]\npassword_file = secret\n", "registrard.conf:2: [redis] password_file: is not UTF-8\n");
}

static void a_fifo_does_not_hang(void **state)
{
    (void)state;
    (void)unlink("secret");
    assert_int_equal(mkfifo("secret", 0600), 0);
    assert_mistakes("[redis]\npassword_file = secret\n",
                    "registrard.conf:2: [redis] password_file: is not a regular file\n");
    assert_int_equal(unlink("secret"), 0);
}

static void files_have_the_settings_longest_length(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    text[256] = '\n';
    write_bytes("secret", text, 257, 0600);
    struct outcome outcome = load("[redis]\npassword_file = secret\n", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->redis_password.length, 256);
    outcome_free(&outcome);
    text[256] = 'a';
    write_bytes("secret", text, 257, 0600);
    assert_mistakes("[redis]\npassword_file = secret\n",
                    "registrard.conf:2: [redis] password_file: is longer than 256 bytes\n");
    write_bytes("secret", text, 258, 0600);
    assert_mistakes("[redis]\npassword_file = secret\n",
                    "registrard.conf:2: [redis] password_file: is a file of more than 257 bytes\n");
}

static void only_secrets_come_from_files(void **state)
{
    (void)state;
    assert_mistakes("[xmpp]\nhost_file = secret\n", "registrard.conf:2: [xmpp] host_file: unknown key\n");
}

/* Each of these is wrong in a way of its own; none of the mistakes may repeat the value, or a path in its place. */
static void mistakes_hold_no_secret(void **state)
{
    (void)state;
    struct outcome outcome =
        load("[redis]\n"
             "password = CANARY-1\n"
             "password = CANARY-2\n"
             "password_file = CANARY-3\n"
             "CANARY-4\n"
             "CANARY-5 = 1\n"
             "[postgres]\n"
             "url = CANARY-6 ; CANARY-7\n"
             "[CANARY-8]\n"
             "[keys]\n"
             "seal = CANARY-9\n"
             "[d003]\n"
             "app_secrets = CANARY-10\n"
             "[xmpp]\n"
             "port = CANARY-11\n"
             "api_url = CANARY-12\n"
             "tls_pin = CANARY-13\n"
             "domain = CANARY-14\n",
             (const char *const[]){NULL},
             (const char *const[]){"REGISTRARD_XMPP_SECRET=CANARY\t15", "REGISTRARD_XMPP_API_SECRET_FILE=CANARY-16",
                                   "REGISTRARD_CANARY-17=CANARY-18", NULL});
    assert_int_equal(outcome.err, ERR_INVALID);
    assert_null(strstr(outcome.mistakes, "CANARY"));
    size_t lines = 0;
    for (const char *c = outcome.mistakes; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_true(lines >= 14);
    outcome_free(&outcome);
}

static void a_dump_holds_no_secret(void **state)
{
    (void)state;
    struct outcome outcome =
        load(NULL, DEVELOPMENT, (const char *const[]){"REGISTRARD_XMPP_SECRET=CANARY-SECRET", NULL});
    assert_string_equal(outcome.mistakes, "");
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    config_dump(outcome.config, out);
    assert_int_equal(fclose(out), 0);
    assert_null(strstr(text, "CANARY"));
    assert_null(strstr(text, "postgresql"));
    assert_non_null(strstr(text, "#secret = (set)\n"));
    assert_non_null(strstr(text, "#api_secret = (not set)\n"));
    free(text);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_may_hold_the_secret),
        cmocka_unit_test(one_newline_is_dropped),
        cmocka_unit_test(the_environment_stands_above_the_file),
        cmocka_unit_test(both_at_once_is_a_mistake),
        cmocka_unit_test(files_that_cannot_be_used_are_mistakes),
        cmocka_unit_test(a_fifo_does_not_hang),
        cmocka_unit_test(files_have_the_settings_longest_length),
        cmocka_unit_test(only_secrets_come_from_files),
        cmocka_unit_test(mistakes_hold_no_secret),
        cmocka_unit_test(a_dump_holds_no_secret),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
