/* The INI file's form: every mistake is told, with its line, and nothing of a line that could be a secret. */
#include "config_fixture.h"

static void reads_keys_of_sections(void **state)
{
    (void)state;
    struct outcome outcome = load("; a comment\n"
                                  "# another\n"
                                  "\n"
                                  "[http]\n"
                                  "port = 1234\n"
                                  "address=10.0.0.1\n"
                                  "[limits]\n"
                                  "  logins_per_minute : 7  \n"
                                  "[http]\r\n"
                                  "threads = 3\r\n"
                                  "[tcp]\n"
                                  "port = 99",
                                  DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->http_port, 1234);
    assert_string_equal(outcome.config->http_address, "10.0.0.1");
    assert_int_equal(outcome.config->limits_logins_per_minute, 7);
    assert_int_equal(outcome.config->http_threads, 3);
    assert_int_equal(outcome.config->tcp_port, 99);
    outcome_free(&outcome);
}

static void an_indented_key_is_a_key(void **state)
{
    (void)state;
    struct outcome outcome = load("[http]\n  port = 1234\n\taddress = ::1\n", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->http_port, 1234);
    assert_string_equal(outcome.config->http_address, "::1");
    outcome_free(&outcome);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    struct outcome outcome = load("\xef\xbb\xbf[http]\nport = 1234\n", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->http_port, 1234);
    outcome_free(&outcome);
}

static void an_empty_file_is_all_defaults(void **state)
{
    (void)state;
    struct outcome outcome = load("", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(outcome.config->http_port, 8080);
    outcome_free(&outcome);
}

static void punctuation_belongs_to_values(void **state)
{
    (void)state;
    struct outcome outcome =
        load("[redis]\npassword = \"a;b#c=d:e\"\n[xmpp]\napi_secret = x\napi_url = http://[::1]:5443/api?a=b;c\n",
             DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_string_equal(secret_expose(outcome.config->redis_password), "\"a;b#c=d:e\"");
    assert_string_equal(outcome.config->xmpp_api_url, "http://[::1]:5443/api?a=b;c");
    outcome_free(&outcome);
}

static void every_mistake_is_told(void **state)
{
    (void)state;
    assert_mistakes("port = 1\n"                        /* 1 */
                    "[nonsense]\n"                      /* 2 */
                    "anything = 1\n"                    /* 3 */
                    "[http]\n"                          /* 4 */
                    "prot = 80\n"                       /* 5 */
                    "port = eighty\n"                   /* 6 */
                    "threads = 65\n"                    /* 7 */
                    "threads = 1\n"                     /* 8 */
                    "just words\n"                      /* 9 */
                    "[https\n"                          /* 10 */
                    "port = 1\n"                        /* 11 */
                    "[tcp] trailing\n"                  /* 12 */
                    "[tcp]\n"                           /* 13 */
                    "tls = yes\n"                       /* 14 */
                    "idle_timeout = 5\n"                /* 15 */
                    "= 5\n"                             /* 16 */
                    "address = 127.0.0.1 ; loopback\n", /* 17 */
                    "registrard.conf:1: a key before the first [section]\n"
                    "registrard.conf:2: unknown section nonsense\n"
                    "registrard.conf:5: [http] prot: unknown key\n"
                    "registrard.conf:8: [http] threads: repeated key\n"
                    "registrard.conf:9: syntax error: neither [section] nor key = value\n"
                    "registrard.conf:10: syntax error: a section is written [name]\n"
                    "registrard.conf:12: syntax error: a section is written [name]\n"
                    "registrard.conf:16: [tcp] unknown key\n"
                    "registrard.conf:17: \" ;\" would begin a comment; comments stand on lines of their own, a secret "
                    "that holds it in a file named by <key>_file\n"
                    "registrard.conf:6: [http] port: must be a whole number from 0 to 65535\n"
                    "registrard.conf:7: [http] threads: must be a whole number from 0 to 64\n"
                    "registrard.conf:14: [tcp] tls: must be true or false\n"
                    "registrard.conf:15: [tcp] idle_timeout: must be a duration with its unit (250ms, 10s, 5m, 2h, "
                    "30d) from 1s to 1d\n");
}

static void the_last_line_counts_too(void **state)
{
    (void)state;
    assert_mistakes("[http]\nport", "registrard.conf:2: syntax error: neither [section] nor key = value\n");
    assert_mistakes("[http", "registrard.conf:1: syntax error: a section is written [name]\n");
    assert_mistakes("[]", "registrard.conf:1: unknown section\n");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    static const char text[] = "[xmpp]\ntls_ca = a\0b\n# \x01\n# \xff\nhost = \xc3(\ntls_name = a\x7f\n\x1b[m\n";
    write_bytes("registrard.conf", text, sizeof text - 1, 0600);
    struct outcome outcome = load_path("registrard.conf", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "registrard.conf:2: control character\n"
                                          "registrard.conf:3: control character\n"
                                          "registrard.conf:4: not UTF-8\n"
                                          "registrard.conf:5: not UTF-8\n"
                                          "registrard.conf:6: control character\n"
                                          "registrard.conf:7: control character\n");
    outcome_free(&outcome);
}

static void a_tab_inside_a_value_is_refused(void **state)
{
    (void)state;
    assert_mistakes("[xmpp]\n\thost\t=\ta\tb\t\n",
                    "registrard.conf:2: [xmpp] host: holds a control character (a line break or tab, for instance)\n");
}

/* libinih would cut the line and take the rest for another one. */
static void long_lines_are_refused_whole(void **state)
{
    (void)state;
    char text[600] = "[xmpp]\napi_secret = x\napi_url = http://";
    size_t start = strlen("[xmpp]\napi_secret = x\n");
    size_t length = strlen(text);
    memset(text + length, 'a', start + 199 - length);
    struct outcome outcome = load(text, DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    assert_int_equal(strlen(outcome.config->xmpp_api_url), 199 - strlen("api_url = "));
    outcome_free(&outcome);

    memset(text + length, 'a', start + 500 - length);
    assert_mistakes(text, "registrard.conf:3: longer than 199 bytes; give the value through the environment, or a "
                          "secret by <key>_file\n");

    /* a comment may be as long as it likes */
    text[start] = '#';
    outcome = load(text, DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
}

static void lines_that_may_be_secrets_are_not_shown(void **state)
{
    (void)state;
    assert_mistakes("[xmpp]\n"
                    "hunter2-Hunter2\n"
                    "c2VjcmV0IQ== and more\n"
                    "[S3cr3t!]\n"
                    "[keys]\n"
                    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff = x\n",
                    "registrard.conf:2: syntax error: neither [section] nor key = value\n"
                    "registrard.conf:3: [xmpp] unknown key\n"
                    "registrard.conf:4: unknown section\n"
                    "registrard.conf:6: [keys] unknown key\n");
}

static void a_file_that_cannot_be_read_is_a_mistake(void **state)
{
    (void)state;
    struct outcome outcome = load_path("absent.conf", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "absent.conf: cannot be read: No such file or directory\n");
    outcome_free(&outcome);
    outcome = load_path("/tmp", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "/tmp: is not a regular file\n");
    outcome_free(&outcome);
}

static void a_huge_file_is_refused(void **state)
{
    (void)state;
    size_t size = 256 * 1024;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, '\n', size + 1);
    write_bytes("registrard.conf", text, size, 0600);
    struct outcome outcome = load_path("registrard.conf", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "");
    outcome_free(&outcome);
    write_bytes("registrard.conf", text, size + 1, 0600);
    outcome = load_path("registrard.conf", DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, "registrard.conf: is a file of more than 262144 bytes\n");
    outcome_free(&outcome);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_keys_of_sections),
        cmocka_unit_test(an_indented_key_is_a_key),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(punctuation_belongs_to_values),
        cmocka_unit_test(every_mistake_is_told),
        cmocka_unit_test(the_last_line_counts_too),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_tab_inside_a_value_is_refused),
        cmocka_unit_test(long_lines_are_refused_whole),
        cmocka_unit_test(lines_that_may_be_secrets_are_not_shown),
        cmocka_unit_test(a_file_that_cannot_be_read_is_a_mistake),
        cmocka_unit_test(a_huge_file_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
