/* What every thread of the program starts with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "component/base/lane.h"

struct seen {
    sigset_t blocked;
    size_t stack_bytes;
    void *arg;
    int release; /* the thread waits here until it has been looked at */
};

static void *look_around(void *arg)
{
    struct seen *seen = arg;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &seen->stack_bytes);
        pthread_attr_destroy(&attributes);
    }
    seen->arg = arg;
    char byte;
    return read(seen->release, &byte, 1) == 1 ? seen : NULL;
}

static void signals_name_and_stack(void **state)
{
    (void)state;
    int release[2];
    assert_int_equal(pipe(release), 0);
    struct seen seen = {.release = release[0]};
    pthread_t thread;
    assert_int_equal(thread_start("a-name-that-is-too-long", 512 * 1024, look_around, &seen, &thread), OK);
    char name[32];
    assert_int_equal(pthread_getname_np(thread, name, sizeof name), 0);
    assert_string_equal(name, "a-name-that-is-");
    assert_int_equal(write(release[1], "x", 1), 1);
    void *result;
    pthread_join(thread, &result);
    assert_ptr_equal(result, &seen);

    static const int blocked[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGALRM, SIGCHLD, SIGUSR1, SIGQUIT};
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++)
        assert_true(sigismember(&seen.blocked, blocked[i]));
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_false(sigismember(&seen.blocked, open[i]));
    assert_in_range(seen.stack_bytes, 512 * 1024, 1024 * 1024);
    close(release[0]);
    close(release[1]);
}

static void *nothing(void *arg)
{
    return arg;
}

static void the_callers_mask_is_restored(void **state)
{
    (void)state;
    sigset_t mine, after;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &mine, NULL);
    pthread_t thread;
    assert_int_equal(thread_start("short", 0, nothing, &mine, &thread), OK);
    void *result;
    pthread_join(thread, &result);
    assert_ptr_equal(result, &mine);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_true(sigismember(&after, SIGUSR2));
    assert_false(sigismember(&after, SIGTERM));
    assert_false(sigismember(&after, SIGUSR1));
}

static void refusal_is_an_error(void **state)
{
    (void)state;
    sigset_t after;
    pthread_t thread;
    assert_int_equal(thread_start("too-small", 1, nothing, NULL, &thread), ERR_INTERNAL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_false(sigismember(&after, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_name_and_stack),
        cmocka_unit_test(the_callers_mask_is_restored),
        cmocka_unit_test(refusal_is_an_error),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
