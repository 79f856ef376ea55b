/* What the tests of calls share: services with real lanes, whose workers own nothing, and a call with its end. */
#ifndef TESTS_CALL_FIXTURE_H
#define TESTS_CALL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/service/call.h"
#include "component/service/services.h"
#include "component/service/waiters.h"

enum { FINISH_MS = 10000, LONG_MS = 60000, WAITERS = 1000 };

static struct services services;

static inline void *fixture_worker_new(void *arg, unsigned index)
{
    (void)index;
    struct worker *worker = xcalloc(1, sizeof *worker);
    worker->pg = arg; /* never looked into: tells the workers of one lane from the other's */
    return worker;
}

static inline void fixture_start(unsigned threads, unsigned db_queue, unsigned hash_queue)
{
    static char db_mark;
    const struct lane_config db = {.name = "db",
                                   .threads = threads,
                                   .queue_limit = db_queue + 1000,
                                   .worker_new = fixture_worker_new,
                                   .worker_free = free,
                                   .arg = &db_mark};
    struct lane_config hash = db;
    hash.name = "hash";
    hash.queue_limit = hash_queue;
    hash.arg = NULL;
    memset(&services, 0, sizeof services);
    services.picture_file = -1;
    services.runtime.db_queue = db_queue;
    services.runtime.hash_queue = hash_queue;
    assert_int_equal(lane_start(&db, &services.runtime.db), OK);
    assert_int_equal(lane_start(&hash, &services.runtime.hash), OK);
    assert_int_equal(waiters_new(WAITERS, &services.runtime.waiters), OK);
}

static inline void fixture_stop(void)
{
    waiters_close(services.runtime.waiters);
    if (services.runtime.hash != NULL)
        lane_stop(&services.runtime.hash, FINISH_MS);
    if (services.runtime.db != NULL)
        lane_stop(&services.runtime.db, FINISH_MS);
    waiters_free(&services.runtime.waiters);
}

static inline int fixture_set_up(void **state)
{
    (void)state;
    crypto_init();
    fixture_start(2, 100, 100);
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    (void)state;
    fixture_stop();
    return 0;
}

#define CALL_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

/* --- one call and its end */

struct test_call {
    struct call call; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int finished; /* times */
    pthread_t finisher;
};

static inline void test_call_finished(struct call *call)
{
    struct test_call *test = call->owner;
    pthread_mutex_lock(&test->lock);
    test->finished++;
    test->finisher = pthread_self();
    pthread_cond_signal(&test->changed);
    pthread_mutex_unlock(&test->lock);
}

static inline struct test_call *test_call_new(const struct op *op, void *io)
{
    struct test_call *test = xcalloc(1, sizeof *test);
    pthread_mutex_init(&test->lock, NULL);
    pthread_cond_init(&test->changed, NULL);
    test->call = (struct call){.services = &services,
                               .arena = arena_new(),
                               .op = op,
                               .io = io,
                               .deadline_ms = clock_ms() + LONG_MS,
                               .finished = test_call_finished,
                               .owner = test};
    return test;
}

static inline void test_call_free(struct test_call *test)
{
    arena_free(&test->call.arena);
    pthread_mutex_destroy(&test->lock);
    pthread_cond_destroy(&test->changed);
    free(test);
}

/* False when it is not finished in time. */
static inline bool test_call_wait(struct test_call *test, int64_t most_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += most_ms / 1000;
    until.tv_nsec += most_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&test->lock);
    while (test->finished == 0 && pthread_cond_timedwait(&test->changed, &test->lock, &until) == 0)
        ;
    const bool finished = test->finished > 0;
    pthread_mutex_unlock(&test->lock);
    return finished;
}

static inline void test_call_submit(struct test_call *test)
{
    assert_false(call_begin(&test->call));
    call_submit(&test->call);
}

static inline enum err test_call_result(struct test_call *test)
{
    assert_true(test_call_wait(test, FINISH_MS));
    assert_int_equal(test->finished, 1);
    const enum err result = test->call.result;
    test_call_free(test);
    return result;
}

/* Runs a call to its end. */
static inline enum err run_op(const struct op *op, void *io)
{
    struct test_call *test = test_call_new(op, io);
    test_call_submit(test);
    return test_call_result(test);
}

/* --- a gate that a step waits at, so that a lane is busy for as long as a test wants */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned waiting;
};

#define GATE                                                                                                           \
    {                                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                         \
    }

static inline void gate_wait(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static inline void gate_await(struct gate *gate, unsigned waiting)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < waiting)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static inline void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

#endif
