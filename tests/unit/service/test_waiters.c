/* Calls that wait (component/service/waiters.h): punches, deadlines and the end, also all at once. */
#include <stdatomic.h>

#include "tests/unit/service/call_fixture.h"

enum { SHORT_MS = 80, SLACK_MS = 1000, CALLS = 200, PUNCHERS = 3, ROUNDS = 20 };

struct wait {
    uint64_t keys[4];
    size_t count;
    int64_t for_ms;
    struct gate *between; /* the ticket is taken, the call not yet parked */
    bool woken;
};

static enum err take(struct call *call, struct worker *worker)
{
    (void)worker;
    struct wait *wait = call->io;
    const enum err err =
        ticket_take(services.runtime.waiters, call, wait->keys, wait->count, clock_ms() + wait->for_ms);
    if (err == OK && wait->between != NULL)
        gate_wait(wait->between);
    return err;
}

static enum err woken(struct call *call, struct worker *worker)
{
    (void)worker;
    struct wait *wait = call->io;
    wait->woken = true;
    return call->ticket == NULL ? OK : ERR_INTERNAL;
}

static const struct op op_wait = {"wait", {{ON_DB, take}, {ON_WAIT, NULL}, {ON_DB, woken}}};

static void punch(uint64_t key)
{
    waiters_punch(services.runtime.waiters, key);
}

static void wait_until_parked(void)
{
    while (lane_waiting(services.runtime.db) + lane_running(services.runtime.db) > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static struct test_call *parked(struct wait *wait)
{
    struct test_call *test = test_call_new(&op_wait, wait);
    test_call_submit(test);
    wait_until_parked();
    return test;
}

/* --- punches */

static void a_punch_wakes_all_that_hold_the_key(void **state)
{
    (void)state;
    struct wait wait[3] = {{.keys = {1}, .count = 1, .for_ms = LONG_MS},
                           {.keys = {1}, .count = 1, .for_ms = LONG_MS},
                           {.keys = {2}, .count = 1, .for_ms = LONG_MS}};
    struct test_call *tests[3];
    for (size_t i = 0; i < 3; i++)
        tests[i] = parked(&wait[i]);
    punch(1);
    assert_int_equal(test_call_result(tests[0]), OK);
    assert_int_equal(test_call_result(tests[1]), OK);
    assert_false(test_call_wait(tests[2], 50));
    punch(2);
    assert_int_equal(test_call_result(tests[2]), OK);
    punch(1); /* nobody is there any more */
    assert_true(wait[0].woken && wait[1].woken && wait[2].woken);
}

static void a_ticket_needs_each_of_its_keys(void **state)
{
    (void)state;
    struct wait wait = {.keys = {1, 2, 3}, .count = 3, .for_ms = LONG_MS};
    struct test_call *test = parked(&wait);
    punch(2);
    punch(2); /* a second time counts nothing */
    punch(1);
    assert_false(test_call_wait(test, 50));
    punch(3);
    assert_int_equal(test_call_result(test), OK);
}

static void a_key_held_twice_is_punched_at_once(void **state)
{
    (void)state;
    struct wait wait = {.keys = {5, 5, 5}, .count = 3, .for_ms = LONG_MS};
    struct test_call *test = parked(&wait);
    punch(5);
    assert_int_equal(test_call_result(test), OK);
}

/* Keys that share a bucket of the table: 1024 of them for 4096 keys. */
static void keys_that_meet_in_the_table_are_told_apart(void **state)
{
    (void)state;
    enum { KEYS = 900 };
    struct wait wait[KEYS];
    struct test_call *tests[KEYS];
    for (uint64_t i = 0; i < KEYS; i++) {
        wait[i] = (struct wait){.keys = {WAIT_KEY(WAIT_WISH, i)}, .count = 1, .for_ms = LONG_MS};
        tests[i] = test_call_new(&op_wait, &wait[i]);
        test_call_submit(tests[i]);
        if (i % 50 == 0)
            wait_until_parked();
    }
    wait_until_parked();
    for (uint64_t i = KEYS; i-- > 0;) {
        punch(WAIT_KEY(WAIT_WISH, i));
        assert_int_equal(test_call_result(tests[i]), OK);
        if (i > 0)
            assert_int_equal(tests[i - 1]->finished, 0);
    }
}

static void what_happens_before_the_call_is_parked_is_not_missed(void **state)
{
    (void)state;
    struct gate between = GATE;
    struct wait wait = {.keys = {1, 2}, .count = 2, .for_ms = LONG_MS, .between = &between};
    struct test_call *test = test_call_new(&op_wait, &wait);
    test_call_submit(test);
    gate_await(&between, 1);
    punch(1);
    punch(2);
    gate_open(&between);
    assert_int_equal(test_call_result(test), OK);
}

/* --- deadlines */

static void time_up_wakes(void **state)
{
    (void)state;
    struct wait wait = {.keys = {1}, .count = 1, .for_ms = SHORT_MS}, longer = wait;
    longer.for_ms = LONG_MS;
    struct test_call *patient = parked(&longer);
    const int64_t before_ms = clock_ms();
    struct test_call *test = test_call_new(&op_wait, &wait);
    test_call_submit(test);
    assert_int_equal(test_call_result(test), OK);
    assert_in_range(clock_ms() - before_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    assert_true(wait.woken);
    assert_int_equal(patient->finished, 0);
    punch(1);
    assert_int_equal(test_call_result(patient), OK);
}

static void it_is_known_whether_anybody_waits(void **state)
{
    (void)state;
    struct waiters *waiters = services.runtime.waiters;
    struct test_call *test = test_call_new(&op_wait, NULL);
    const uint64_t keys[] = {1, 2};
    assert_false(waiters_wait(waiters, 1));
    assert_int_equal(ticket_take(waiters, &test->call, keys, 2, clock_ms() + LONG_MS), OK);
    assert_true(waiters_wait(waiters, 1));
    assert_false(waiters_wait(waiters, 3));
    punch(1);
    assert_false(waiters_wait(waiters, 1));
    assert_true(waiters_wait(waiters, 2));
    ticket_drop(&test->call);
    assert_false(waiters_wait(waiters, 2));
    test_call_free(test);
}

/* --- room */

static void only_so_many_wait(void **state)
{
    (void)state;
    struct waiters *few;
    struct test_call *test = test_call_new(&op_wait, NULL), *other = test_call_new(&op_wait, NULL);
    const uint64_t key = 1;
    assert_int_equal(waiters_new(1, &few), OK);
    assert_int_equal(ticket_take(few, &test->call, &key, 1, clock_ms() + LONG_MS), OK);
    assert_int_equal(ticket_take(few, &other->call, &key, 1, clock_ms() + LONG_MS), ERR_BUSY);
    assert_null(other->call.ticket);
    ticket_drop(&other->call); /* it has none */
    ticket_drop(&test->call);
    assert_null(test->call.ticket);
    assert_int_equal(ticket_take(few, &other->call, &key, 1, clock_ms() + LONG_MS), OK);
    waiters_punch(few, key);
    ticket_drop(&other->call);
    waiters_close(few);
    waiters_free(&few);
    assert_null(few);
    test_call_free(test);
    test_call_free(other);
}

/* --- the end */

static void closing_wakes_and_nobody_waits_any_more(void **state)
{
    (void)state;
    struct wait wait = {.keys = {1}, .count = 1, .for_ms = LONG_MS}, late = wait;
    struct test_call *test = parked(&wait);
    waiters_close(services.runtime.waiters);
    assert_int_equal(test_call_result(test), OK);
    assert_int_equal(run_op(&op_wait, &late), OK);
    assert_true(late.woken);
}

/* --- all at once: every call ends, once, whatever wakes it */

static atomic_bool stop;

static void *punch_on(void *arg)
{
    (void)arg;
    for (uint64_t key = 0; !stop; key = (key + 1) % 16)
        punch(key);
    return NULL;
}

static struct test_call *crowd[CALLS];
static struct wait crowd_waits[CALLS];

static void submit_crowd(void)
{
    for (size_t i = 0; i < CALLS; i++) {
        crowd_waits[i] = (struct wait){.keys = {i % 16, i * 7 % 16, i % 5 == 0 ? 99 : i % 16},
                                       .count = 1 + i % 3,
                                       .for_ms = (int64_t)(i % 4) * 10};
        crowd[i] = test_call_new(&op_wait, &crowd_waits[i]);
        test_call_submit(crowd[i]);
    }
}

static void punches_and_deadlines_race(void **state)
{
    (void)state;
    pthread_t threads[PUNCHERS];
    stop = false;
    for (size_t i = 0; i < PUNCHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, punch_on, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        submit_crowd();
        for (size_t i = 0; i < CALLS; i++) {
            const enum err result = test_call_result(crowd[i]);
            assert_true(result == OK || result == ERR_BUSY);
            assert_true(crowd_waits[i].woken == (result == OK));
        }
    }
    stop = true;
    for (size_t i = 0; i < PUNCHERS; i++)
        pthread_join(threads[i], NULL);
}

static void the_end_races_with_all_of_them(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS / 2; round++) {
        pthread_t thread;
        stop = false;
        assert_int_equal(pthread_create(&thread, NULL, punch_on, NULL), 0);
        submit_crowd();
        waiters_close(services.runtime.waiters);
        for (size_t i = 0; i < CALLS; i++) {
            const enum err result = test_call_result(crowd[i]);
            assert_true(result == OK || result == ERR_BUSY);
        }
        stop = true;
        pthread_join(thread, NULL);
        fixture_stop();
        fixture_start(2, 100, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(a_punch_wakes_all_that_hold_the_key),
        CALL_TEST(a_ticket_needs_each_of_its_keys),
        CALL_TEST(a_key_held_twice_is_punched_at_once),
        CALL_TEST(keys_that_meet_in_the_table_are_told_apart),
        CALL_TEST(what_happens_before_the_call_is_parked_is_not_missed),
        CALL_TEST(time_up_wakes),
        CALL_TEST(it_is_known_whether_anybody_waits),
        CALL_TEST(only_so_many_wait),
        CALL_TEST(closing_wakes_and_nobody_waits_any_more),
        CALL_TEST(punches_and_deadlines_race),
        CALL_TEST(the_end_races_with_all_of_them),
    };
    return cmocka_run_group_tests_name("waiters", tests, NULL, NULL);
}
