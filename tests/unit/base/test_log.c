/* The log, as it arrives at the other end of standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "component/base/log.h"

static struct {
    int stderr_copy;
    int pipe[2];
    char text[1 << 16];
} capture;

/* Standard error goes into a pipe until capture_end, which returns what was written. */
static void capture_begin(void)
{
    fflush(stderr);
    assert_int_equal(pipe(capture.pipe), 0);
    assert_int_equal(fcntl(capture.pipe[0], F_SETFL, O_NONBLOCK), 0);
    capture.stderr_copy = dup(STDERR_FILENO);
    dup2(capture.pipe[1], STDERR_FILENO);
}

static const char *capture_end(void)
{
    dup2(capture.stderr_copy, STDERR_FILENO);
    close(capture.stderr_copy);
    close(capture.pipe[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(capture.pipe[0], capture.text + length, sizeof capture.text - 1 - length)) > 0)
        length += (size_t)got;
    close(capture.pipe[0]);
    capture.text[length] = '\0';
    return capture.text;
}

/* The part of a line behind " event=e". */
#define FIELDS_OF(...) (capture_begin(), log_info("e", __VA_ARGS__), fields_of(capture_end()))

static const char *fields_of(const char *line)
{
    const char *event = strstr(line, " event=e");
    assert_non_null(event);
    return event + strlen(" event=e");
}

static void a_line_has_time_level_and_event(void **state)
{
    (void)state;
    capture_begin();
    log_warn("something_happened");
    const char *line = capture_end();
    regex_t shape;
    assert_int_equal(regcomp(&shape,
                             "^ts=20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{3}Z "
                             "level=warn event=something_happened\n$",
                             REG_EXTENDED),
                     0);
    assert_int_equal(regexec(&shape, line, 0, NULL, 0), 0);
    regfree(&shape);
}

static void fields_of_every_type(void **state)
{
    (void)state;
    char buffer[] = "text";
    const char *absent = NULL;
    assert_string_equal(FIELDS_OF(F("a", -1), F("b", 2u), F("c", (size_t)3), F("d", (uint8_t)4)),
                        " a=-1 b=2 c=3 d=4\n");
    assert_string_equal(FIELDS_OF(F("min", INT64_MIN), F("max", UINT64_MAX)),
                        " min=-9223372036854775808 max=18446744073709551615\n");
    assert_string_equal(FIELDS_OF(F("x", 1.5), F("y", (bool)true), F("z", (bool)false)), " x=1.5 y=true z=false\n");
    assert_string_equal(FIELDS_OF(F("d", DBL_MAX)), " d=1.79769e+308\n");
    assert_string_equal(FIELDS_OF(F("s", "003"), F("t", buffer), F("u", absent)), " s=003 t=text u=\"\"\n");
    assert_string_equal(FIELDS_OF(F_ERR(ERR_TIMEOUT)), " error=timeout\n");
}

static void text_cannot_forge_fields_or_lines(void **state)
{
    (void)state;
    assert_string_equal(FIELDS_OF(F("t", "a b")), " t=\"a b\"\n");
    assert_string_equal(FIELDS_OF(F("t", "a=b")), " t=\"a=b\"\n");
    assert_string_equal(FIELDS_OF(F("t", "")), " t=\"\"\n");
    assert_string_equal(FIELDS_OF(F("t", "say \"hi\" \\o/")), " t=\"say \\\"hi\\\" \\\\o/\"\n");
    assert_string_equal(FIELDS_OF(F("t", "x\nlevel=error")), " t=\"x\\nlevel=error\"\n");
    assert_string_equal(FIELDS_OF(F("t", "\x1b[2J\r\t\x7f")), " t=\"\\x1b[2J\\x0d\\x09\\x7f\"\n");
}

static void other_languages_and_broken_bytes(void **state)
{
    (void)state;
    assert_string_equal(FIELDS_OF(F("t", "\xe4\xbd\xa0\xe5\xa5\xbd")), " t=\"\xe4\xbd\xa0\xe5\xa5\xbd\"\n");
    assert_string_equal(FIELDS_OF(F("t", "\xc2\x9b"
                                         "2J")),
                        " t=\"\\xc2\\x9b2J\"\n");
    assert_string_equal(FIELDS_OF(F("t", "\xc2\xa0")), " t=\"\xc2\xa0\"\n");
    assert_string_equal(FIELDS_OF(F("t", "a\xff\xe4\xbd")), " t=\"a\\xff\\xe4\\xbd\"\n");
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text);
    text[512] = '\0';
    const char *fields = FIELDS_OF(F("t", text));
    assert_int_equal(strlen(fields), strlen(" t=\n") + 512);
    text[512] = 'b';
    text[1999] = '\0';
    fields = FIELDS_OF(F("t", text));
    assert_int_equal(strlen(fields), strlen(" t=\"...\"\n") + 512);
    assert_null(strchr(fields, 'b'));
    memcpy(text + 510, "\xe4\xbd\xa0", 3);
    fields = FIELDS_OF(F("t", text));
    assert_int_equal(strlen(fields), strlen(" t=\"...\"\n") + 510);
    assert_null(strstr(fields, "\\x"));
}

static void a_line_that_is_too_long_loses_its_last_fields(void **state)
{
    (void)state;
    char text[513];
    memset(text, '\x01', 512);
    text[512] = '\0'; /* 2048 bytes when escaped */
    capture_begin();
    log_info("e", F("first", 1), F("a", text), F("b", text), F("c", 3));
    const char *line = capture_end();
    assert_true(strlen(line) <= 4096);
    assert_non_null(strstr(line, " first=1 a=\"\\x01"));
    assert_null(strstr(line, " b="));
    assert_null(strstr(line, " c="));
    assert_string_equal(line + strlen(line) - strlen("\" cut=true\n"), "\" cut=true\n");
}

/* Every length around the end of the line, so that an off-by-one would be met. */
static void lines_never_pass_their_limit(void **state)
{
    (void)state;
    char a[513], b[513];
    memset(a, '\x01', 512);
    a[512] = '\0';
    bool was_cut = false, was_whole = false;
    for (size_t length = 400; length <= 512; length++) {
        memset(b, '\x02', length);
        b[length] = '\0';
        capture_begin();
        log_info("e", F("a", a), F("b", b));
        const char *line = capture_end();
        size_t size = strlen(line);
        assert_true(size <= 4096);
        assert_int_equal(line[size - 1], '\n');
        assert_ptr_equal(strchr(line, '\n'), line + size - 1);
        *(strstr(line, "cut=true") ? &was_cut : &was_whole) = true;
    }
    assert_true(was_cut && was_whole);
}

static void levels(void **state)
{
    (void)state;
    capture_begin();
    log_debug("not_shown");
    log_info("shown");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("not_shown");
    log_error("shown_too");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("debugging");
    log_set_level(LOG_LEVEL_INFO);
    const char *lines = capture_end();
    assert_null(strstr(lines, "not_shown"));
    assert_non_null(strstr(lines, "level=info event=shown\n"));
    assert_non_null(strstr(lines, "level=error event=shown_too\n"));
    assert_non_null(strstr(lines, "level=debug event=debugging\n"));

    enum log_level level;
    assert_true(log_level_parse("warn", &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("warning", &level));
    assert_false(log_level_parse("", &level));
}

static void errno_is_kept_and_failure_is_silent(void **state)
{
    (void)state;
    int stderr_copy = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOENT;
    log_error("nobody_reads_this", F("t", "a b"));
    int after = errno;
    dup2(stderr_copy, STDERR_FILENO);
    close(stderr_copy);
    assert_int_equal(after, ENOENT);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 50; i++)
        log_info("e", F("thread", (const char *)arg), F("filler", "................................"));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    capture_begin();
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, log_many, names[i]) != 0)
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *lines = (char *)capture_end(), *rest = NULL;
    int count = 0;
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_memory_equal(line, "ts=20", 5);
        const char *fields = fields_of(line);
        assert_int_equal(strlen(fields), strlen(" thread=a filler=................................"));
        count++;
    }
    assert_int_equal(count, 200);
}

static void fatal_logs_and_aborts(void **state)
{
    (void)state;
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_fatal("the_end", F("why", "test"));
    }
    int status = 0;
    waitpid(child, &status, 0);
    const char *line = capture_end();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(line, "level=error event=the_end why=test\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_event),
        cmocka_unit_test(fields_of_every_type),
        cmocka_unit_test(text_cannot_forge_fields_or_lines),
        cmocka_unit_test(other_languages_and_broken_bytes),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(a_line_that_is_too_long_loses_its_last_fields),
        cmocka_unit_test(lines_never_pass_their_limit),
        cmocka_unit_test(levels),
        cmocka_unit_test(errno_is_kept_and_failure_is_silent),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(fatal_logs_and_aborts),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
