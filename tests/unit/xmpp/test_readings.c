/* Readings that are shared (xmpp/readings.h): at most one of an account in flight, one for all who wait, and never one
 * that was begun before they had written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/readings.h"

enum { LONG_MS = 20000, SHORT_MS = 30, WAITERS = 5 };

static struct readings *readings;
static atomic_uint_least64_t places; /* given out so far */

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

/* A roster of one item whose name says which reading it was. */
static struct roster roster_called(struct reading *reading, const char *name)
{
    struct roster_item *item = arena_alloc(reading_arena(reading), sizeof *item);
    *item = (struct roster_item){.jid = "b@x", .name = arena_strdup(reading_arena(reading), name)};
    return (struct roster){.items = item, .count = 1};
}

static void finish(struct reading **reading, enum err result, const char *name)
{
    const struct roster roster = roster_called(*reading, name);
    reading_finish(*reading, result, &roster);
    reading_drop(reading);
}

static struct reading *begin(const char *local)
{
    struct reading *reading = readings_begin(readings, local);
    assert_non_null(reading);
    return reading;
}

/* ---- who waits, on a thread of his own */

struct waiter {
    pthread_t thread;
    int64_t timeout_ms;
    enum err as_reader; /* what his reading comes to, should it be his */
    atomic_bool joined, done;
    bool read; /* it was his */
    enum err result;
    char name[16]; /* of what was read */
};

/* A reading that shows what was written at the place; NULL when that takes too long. Tells when it is one of those who
 * wait, unless joined_r is NULL. */
static struct reading *join(const char *local, uint64_t place, int64_t timeout_ms, bool *mine_r, atomic_bool *joined_r)
{
    const int64_t deadline_ms = clock_ms() + timeout_ms;
    for (;;) {
        enum reading_part part;
        struct reading *reading = readings_join(readings, local, place, &part);
        if (joined_r != NULL)
            atomic_store(joined_r, true);
        const enum err err = part == READING_MINE ? OK : reading_wait(reading, deadline_ms, &part);
        *mine_r = part == READING_MINE;
        if (err == OK)
            return reading;
        reading_drop(&reading);
        if (err != ERR_BUSY)
            return NULL;
    }
}

static void *wait_for_one(void *arg)
{
    struct waiter *waiter = arg;
    const struct roster *roster = NULL;
    struct reading *reading =
        join("a", atomic_fetch_add(&places, 1) + 1, waiter->timeout_ms, &waiter->read, &waiter->joined);
    waiter->result = reading != NULL ? OK : ERR_TIMEOUT;
    if (waiter->read) {
        const struct roster own = roster_called(reading, "waiter's");
        pause_ms(SHORT_MS);
        reading_finish(reading, waiter->as_reader, &own);
    }
    if (waiter->result == OK)
        waiter->result = reading_result(reading, &roster);
    if (roster != NULL)
        snprintf(waiter->name, sizeof waiter->name, "%s", roster->items[0].name);
    reading_drop(&reading);
    atomic_store(&waiter->done, true);
    return NULL;
}

/* Begins to wait, and does so when this returns: at least it is one of those who do. */
static void start(struct waiter *waiter, int64_t timeout_ms)
{
    waiter->timeout_ms = timeout_ms;
    atomic_init(&waiter->joined, false);
    atomic_init(&waiter->done, false);
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_one, waiter), 0);
    while (!atomic_load(&waiter->joined))
        pause_ms(1);
    pause_ms(SHORT_MS);
}

static void join_all(struct waiter *waiters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_join(waiters[i].thread, NULL);
}

static size_t readers(const struct waiter *waiters, size_t count)
{
    size_t readers = 0;
    for (size_t i = 0; i < count; i++)
        readers += waiters[i].read;
    return readers;
}

/* ---- tests */

static void one_is_in_flight_of_each_account(void **state)
{
    (void)state;
    struct reading *a = begin("a"), *b = begin("b");
    assert_null(readings_begin(readings, "a"));
    assert_null(readings_begin(readings, "b"));
    finish(&a, OK, "");
    a = begin("a");
    assert_null(readings_begin(readings, "b"));
    finish(&b, OK, "");
    finish(&a, ERR_TIMEOUT, "");
}

static void who_has_written_reads_when_nobody_does(void **state)
{
    (void)state;
    enum reading_part part;
    struct reading *reading = readings_join(readings, "a", 7, &part);
    assert_int_equal(part, READING_MINE);
    assert_null(readings_begin(readings, "a"));
    finish(&reading, OK, "");
}

static void a_reading_serves_those_who_had_written_when_it_was_begun(void **state)
{
    (void)state;
    enum reading_part part;
    const struct roster *roster;
    atomic_store(&places, 7);
    struct reading *reading = begin("a");
    struct reading *served = readings_join(readings, "a", 7, &part), *late = readings_join(readings, "a", 8, &part);
    assert_int_equal(part, READING_ANOTHERS);
    assert_ptr_equal(served, reading);
    assert_ptr_not_equal(late, reading);
    assert_int_equal(reading_wait(late, clock_ms() + SHORT_MS, &part), ERR_TIMEOUT);
    finish(&reading, OK, "shared");
    assert_int_equal(reading_wait(served, clock_ms(), &part), OK);
    assert_int_equal(part, READING_ANOTHERS);
    assert_int_equal(reading_result(served, &roster), OK);
    assert_string_equal(roster->items[0].name, "shared");
    assert_int_equal(reading_wait(late, clock_ms(), &part), OK);
    assert_int_equal(part, READING_MINE);
    finish(&late, OK, "");
    reading_drop(&served);
}

static void one_reads_for_all_who_wait(void **state)
{
    (void)state;
    struct waiter waiters[WAITERS] = {0};
    struct reading *early = begin("a");
    for (size_t i = 0; i < WAITERS; i++)
        start(&waiters[i], LONG_MS);
    for (size_t i = 0; i < WAITERS; i++)
        assert_false(atomic_load(&waiters[i].done)); /* it was begun before they came */
    finish(&early, OK, "early");
    join_all(waiters, WAITERS);
    assert_int_equal(readers(waiters, WAITERS), 1);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(waiters[i].result, OK);
        assert_string_equal(waiters[i].name, "waiter's");
    }
}

/* He comes after the first is over and before one of those who wait has woken; they have written before he begins. */
static void who_comes_first_reads_for_those_who_wait(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct waiter waiter = {0};
        struct reading *early = begin("a");
        start(&waiter, LONG_MS);
        const struct roster roster = roster_called(early, "early");
        reading_finish(early, OK, &roster);
        struct reading *next = readings_begin(readings, "a");
        if (next != NULL)
            finish(&next, OK, "next");
        reading_drop(&early);
        join_all(&waiter, 1);
        assert_int_equal(waiter.result, OK);
        assert_string_equal(waiter.name, waiter.read ? "waiter's" : "next");
        if (!waiter.read)
            return;
    }
    fail_msg("the one who waited was always faster");
}

static void what_says_something_of_the_roster_is_shared(void **state)
{
    (void)state;
    static const enum err results[] = {ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_XMPP};
    for (size_t r = 0; r < sizeof results / sizeof results[0]; r++) {
        struct waiter waiters[WAITERS] = {0};
        struct reading *early = begin("a");
        for (size_t i = 0; i < WAITERS; i++) {
            waiters[i].as_reader = results[r];
            start(&waiters[i], LONG_MS);
        }
        finish(&early, OK, "early");
        join_all(waiters, WAITERS);
        assert_int_equal(readers(waiters, WAITERS), 1);
        for (size_t i = 0; i < WAITERS; i++)
            assert_int_equal(waiters[i].result, results[r]);
    }
}

static void what_failed_the_reader_alone_is_tried_by_the_next(void **state)
{
    (void)state;
    static const enum err results[] = {ERR_TIMEOUT, ERR_XMPP_DOWN, ERR_BUSY, ERR_SHUTDOWN};
    for (size_t r = 0; r < sizeof results / sizeof results[0]; r++) {
        struct waiter waiters[WAITERS] = {0};
        struct reading *early = begin("a");
        for (size_t i = 0; i < WAITERS; i++) {
            waiters[i].as_reader = results[r];
            start(&waiters[i], LONG_MS);
        }
        finish(&early, results[r], "early");
        join_all(waiters, WAITERS);
        assert_int_equal(readers(waiters, WAITERS), WAITERS); /* each has tried */
        for (size_t i = 0; i < WAITERS; i++)
            assert_int_equal(waiters[i].result, results[r]);
    }
}

static void who_waits_too_long_goes(void **state)
{
    (void)state;
    struct waiter hasty = {0}, patient = {0};
    struct reading *early = begin("a");
    start(&hasty, 2 * SHORT_MS);
    start(&patient, LONG_MS);
    join_all(&hasty, 1);
    assert_int_equal(hasty.result, ERR_TIMEOUT);
    assert_false(atomic_load(&patient.done));
    finish(&early, OK, "early");
    join_all(&patient, 1);
    assert_int_equal(patient.result, OK);
    assert_true(patient.read);
}

static void nothing_is_left_of_what_nobody_waits_for(void **state)
{
    (void)state;
    struct waiter hasty = {0};
    struct reading *early = begin("a");
    start(&hasty, SHORT_MS);
    join_all(&hasty, 1);
    assert_int_equal(hasty.result, ERR_TIMEOUT);
    finish(&early, OK, "early");
    struct reading *next = begin("a");
    finish(&next, OK, "next");
}

/* A roster that can be read, and keeps the server and the link from others all the same. */
static void whose_roster_is_heavy_rests_until_it_is_not(void **state)
{
    (void)state;
    enum { ITEMS = 40, NAME = 32 * 1024 };
    for (size_t count = ITEMS; count > 0; count /= ITEMS) {
        struct reading *reading = begin("a");
        struct roster_item *items = arena_array(reading_arena(reading), count, sizeof *items);
        char *name = arena_alloc(reading_arena(reading), NAME + 1);
        memset(name, 'a', NAME);
        name[NAME] = '\0';
        for (size_t i = 0; i < count; i++)
            items[i] = (struct roster_item){.jid = "b@x", .name = name};
        const struct roster roster = {.items = items, .count = count};
        pause_ms(SHORT_MS);
        reading_finish(reading, OK, &roster);
        reading_drop(&reading);
        assert_int_equal(readings_rest(readings, "a", LONG_MS / SHORT_MS), count > 1);
        assert_false(readings_rest(readings, "b", LONG_MS / SHORT_MS));
    }
}

/* ---- many at once: a roster is a number that each raises before he has it read */

enum { PEOPLE = 12, TURNS = 300, ACCOUNTS = 3 };

static struct {
    atomic_int written, in_flight;
} rosters[ACCOUNTS];
static atomic_int made, wrong;

static void *write_and_see(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int turn = 0; turn < TURNS; turn++) {
        const unsigned number = (unsigned)rand_r(&seed) % ACCOUNTS;
        const char *const local = &"a\0b\0c"[2 * number];
        const struct roster *roster;
        bool mine = false;
        struct reading *reading = rand_r(&seed) % 2 == 0 ? readings_begin(readings, local) : NULL;
        mine = reading != NULL; /* in one go: it is read after the write, whoever else waits for it */
        const int least = atomic_fetch_add(&rosters[number].written, 1) + 1;
        if (reading == NULL &&
            (reading = join(local, atomic_fetch_add(&places, 1) + 1, LONG_MS, &mine, NULL)) == NULL) {
            atomic_fetch_add(&wrong, 1);
            continue;
        }
        if (mine) {
            atomic_fetch_add(&made, 1);
            atomic_fetch_add(&wrong, atomic_fetch_add(&rosters[number].in_flight, 1));
            char text[16];
            snprintf(text, sizeof text, "%d", atomic_load(&rosters[number].written));
            const struct roster own = roster_called(reading, text);
            atomic_fetch_sub(&rosters[number].in_flight, 1);
            reading_finish(reading, OK, &own);
        }
        if (reading_result(reading, &roster) != OK || atoi(roster->items[0].name) < least)
            atomic_fetch_add(&wrong, 1);
        reading_drop(&reading);
    }
    return NULL;
}

static void nobody_sees_less_than_he_wrote(void **state)
{
    (void)state;
    pthread_t threads[PEOPLE];
    for (uintptr_t i = 0; i < PEOPLE; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_see, (void *)(i + 1)), 0);
    for (size_t i = 0; i < PEOPLE; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&made) > 0 && atomic_load(&made) <= PEOPLE * TURNS);
}

static int set_up(void **state)
{
    (void)state;
    readings = readings_new(&places);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    readings_free(&readings);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_is_in_flight_of_each_account),
        TEST(who_has_written_reads_when_nobody_does),
        TEST(a_reading_serves_those_who_had_written_when_it_was_begun),
        TEST(one_reads_for_all_who_wait),
        TEST(who_comes_first_reads_for_those_who_wait),
        TEST(what_says_something_of_the_roster_is_shared),
        TEST(what_failed_the_reader_alone_is_tried_by_the_next),
        TEST(who_waits_too_long_goes),
        TEST(nothing_is_left_of_what_nobody_waits_for),
        TEST(whose_roster_is_heavy_rests_until_it_is_not),
        TEST(nobody_sees_less_than_he_wrote),
    };
    return cmocka_run_group_tests_name("readings", tests, NULL, NULL);
}
