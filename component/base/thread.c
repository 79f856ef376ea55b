/* Making threads. Signals are main's alone (sigwait), so every other thread starts with them blocked: not even the
 * first instruction of a thread can be interrupted by one. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "component/base/lane.h"
#include "component/base/log.h"

enum { DEFAULT_STACK = 256 * 1024, NAME_SIZE = 16 };

/* All but those that a fault raises in the thread that made it: blocked, they would kill without a word. */
static void asynchronous_signals(sigset_t *set_r)
{
    sigfillset(set_r);
    sigdelset(set_r, SIGSEGV);
    sigdelset(set_r, SIGBUS);
    sigdelset(set_r, SIGFPE);
    sigdelset(set_r, SIGILL);
    sigdelset(set_r, SIGABRT);
}

static int create(size_t stack_bytes, void *(*run)(void *), void *arg, pthread_t *thread_r)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_attr_setstacksize(&attributes, stack_bytes ? stack_bytes : DEFAULT_STACK);
    if (!failed)
        failed = pthread_create(thread_r, &attributes, run, arg);
    pthread_attr_destroy(&attributes);
    return failed;
}

enum err thread_start(const char *name, size_t stack_bytes, void *(*run)(void *), void *arg, pthread_t *thread_r)
{
    sigset_t blocked, before;
    asynchronous_signals(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int failed = create(stack_bytes, run, arg, thread_r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        log_error("thread_not_started", F("thread", name), F("errno", failed));
        return ERR_INTERNAL;
    }
    char shortened[NAME_SIZE]; /* the kernel's limit */
    snprintf(shortened, sizeof shortened, "%s", name);
    pthread_setname_np(*thread_r, shortened); /* a thread without a name still works */
    return OK;
}
