/* Making two rosters as wanted (server_make of xmpp/server.h), on a server that is slow to show it, or loses what was
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/readings.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"
#include "xmpp/unreadable.h"

enum { SLOTS = 4, PATIENCE_MS = 10000 };

static struct arena *arena;
static struct task task;
static struct slots *slots;
static struct readings *readings;
static atomic_uint_least64_t places;
static struct roster_side sides[2];
static struct {
    unsigned edits, reads;
    unsigned lost;   /* so many edits come to nothing */
    unsigned unseen; /* so many readings show nothing of it */
    enum err refusal;
    int64_t too_large_ms; /* unless it is 0, a roster takes so long and is not read to its end */
    bool at_once;         /* it was to read in the same go as it wrote */
    bool ending;          /* what is wanted is that there be no binding */
} server;

static enum err edit(struct readback *readback, bool bind)
{
    (void)readback;
    assert_int_equal(bind, !server.ending);
    assert_true(task.slots >= 1);
    server.edits++;
    return server.refusal;
}

static void read_side(struct readback *readback, size_t side)
{
    struct roster roster = {0};
    const struct timespec pause = {.tv_nsec = server.too_large_ms * 1000000};
    nanosleep(&pause, NULL);
    if (++server.reads > server.unseen && server.edits > server.lost) {
        struct roster_item *item = arena_alloc(readback_arena(readback, side), sizeof *item);
        *item = sides[side].item;
        item->subscription = XMPP_BOTH;
        roster = (struct roster){.items = item, .count = 1};
    }
    readback_hand_in(readback, side, server.too_large_ms > 0 ? ERR_TOO_LARGE : OK, &roster);
}

static enum err read_own(struct readback *readback)
{
    assert_true(task.slots >= 1);
    for (size_t i = 0; i < 2; i++)
        if (readback_is_own(readback, i))
            read_side(readback, i);
    return OK;
}

static const struct xmpp_server made_up = {
    .name = "made up", .account_requests = 1, .edit_requests = 2, .edit = edit, .read_own = read_own};

/* One that writes and reads in one go, as far as it is to. */
static enum err edit_and_read(struct readback *readback, bool bind)
{
    readback_begin(readback);
    const enum err err = edit(readback, bind);
    server.at_once = readback_has_own(readback);
    readback_written(readback, atomic_fetch_add(&places, 1) + 1);
    return err == OK && server.at_once ? read_own(readback) : err;
}

static const struct xmpp_server eager = {
    .name = "eager", .account_requests = 1, .edit_requests = 2, .edit = edit_and_read, .read_own = read_own};

static const struct xmpp_patience patience = {.disagreeing_ms = PATIENCE_MS};

static enum err make(void)
{
    return server_make(&made_up, &task, arena, sides, true, &patience);
}

static void what_is_shown_at_once_is_written_once(void **state)
{
    (void)state;
    assert_int_equal(make(), OK);
    assert_int_equal(server.edits, 1);
    assert_int_equal(server.reads, 2);
    assert_true(sides[0].seen_present && sides[1].seen_present);
}

static void what_is_shown_late_is_read_again(void **state)
{
    (void)state;
    server.unseen = 8;
    assert_int_equal(make(), OK);
    assert_int_equal(server.edits, 1);
    assert_true(server.reads > server.unseen);
}

static void what_was_lost_is_written_again(void **state)
{
    (void)state;
    server.lost = 1;
    assert_int_equal(make(), OK);
    assert_int_equal(server.edits, 2);
}

static void but_not_all_the_time_and_not_for_ever(void **state)
{
    (void)state;
    const int64_t begun_ms = clock_ms();
    server.lost = 1000;
    task.deadline_ms = begun_ms + 2500;
    assert_int_equal(make(), ERR_TIMEOUT);
    assert_in_range(server.edits, 2, 3);
    assert_in_range(clock_ms() - begun_ms, 1500, 5000);
    assert_false(sides[0].seen_present || sides[1].seen_present);
}

static void who_writes_against_us_is_given_up_soon(void **state)
{
    (void)state;
    const int64_t begun_ms = clock_ms();
    server.lost = 1000;
    const struct xmpp_patience little = {.disagreeing_ms = 100};
    assert_int_equal(server_make(&made_up, &task, arena, sides, true, &little), ERR_CONFLICT);
    assert_int_equal(server.edits, 1);
    assert_true(server.reads > 2); /* not before it was read again */
    assert_in_range(clock_ms() - begun_ms, 50, PATIENCE_MS / 2);
}

static void rosters_are_read_in_the_same_go_unless_the_server_is_busy(void **state)
{
    (void)state;
    unsigned others = 0;
    assert_int_equal(server_make(&eager, &task, arena, sides, true, &patience), OK);
    assert_true(server.at_once);
    assert_int_equal(server.reads, 2);
    assert_int_equal(slots_take(slots, 2, clock_ms(), &others), OK);
    assert_int_equal(server_make(&eager, &task, arena, sides, true, &patience), OK);
    assert_false(server.at_once);
    assert_int_equal(server.reads, 4);
    slots_give(slots, others);
}

/* Somebody else reads the one roster, and had not written when he began; the other one is read meanwhile. */
static void *read_slowly(void *arg)
{
    struct reading *reading = arg;
    const struct roster nothing = {0};
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    reading_finish(reading, OK, &nothing);
    reading_drop(&reading);
    return NULL;
}

static void what_others_are_reading_is_waited_for_without_slots(void **state)
{
    (void)state;
    pthread_t thread;
    unsigned all = 0;
    struct reading *early = readings_begin(readings, "a");
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, early), 0);
    struct readback readback;
    readback_init(&readback, &eager, &task, arena, sides);
    assert_int_equal(readback_end(&readback, edit_and_read(&readback, true)), OK);
    pthread_join(thread, NULL);
    assert_true(sides[0].seen_present && sides[1].seen_present); /* by a reading that was begun later */
    assert_int_equal(server.reads, 2);
    task_let_go(&task);
    assert_int_equal(slots_take(slots, SLOTS, clock_ms(), &all), OK); /* all were given back */
    assert_int_equal(all, SLOTS);
    slots_give(slots, all);
}

static void a_refusal_is_the_end(void **state)
{
    (void)state;
    server.refusal = ERR_NOT_FOUND;
    assert_int_equal(make(), ERR_NOT_FOUND);
    assert_int_equal(server.edits, 1);
    assert_int_equal(server.reads, 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof server);
    arena = arena_new();
    readings = readings_new(&places);
    slots = slots_new(SLOTS);
    task = (struct task){.readings = readings, .shared = slots, .deadline_ms = clock_ms() + PATIENCE_MS};
    sides[0] = (struct roster_side){.local = "a", .exists = true, .item = {.jid = "b@x", .name = "B"}};
    sides[1] = (struct roster_side){.local = "b", .exists = true, .item = {.jid = "a@x", .name = "A"}};
    return task_hold(&task, 2) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    task_let_go(&task);
    slots_free(&slots);
    readings_free(&readings);
    arena_free(&arena);
    return 0;
}

/* However often it is wished: once a reading took long, the next is made much later. */
static void a_roster_that_is_too_large_is_left_alone(void **state)
{
    (void)state;
    const struct xmpp_patience again = {.disagreeing_ms = PATIENCE_MS, .again = true};
    const struct timespec pause = {.tv_nsec = 20 * 1000000L};
    server.too_large_ms = 100;
    assert_int_equal(make(), ERR_TOO_LARGE);
    const unsigned reads = server.reads;
    assert_int_equal(make(), ERR_TOO_LARGE);
    assert_int_equal(server.edits, 1);
    assert_int_equal(server.reads, reads);
    server.too_large_ms = 0;
    const int64_t begun_ms = clock_ms();
    do { /* one wish must wait for 3 times both readings, the other for 19 times */
        assert_int_equal(server_make(&made_up, &task, arena, sides, true, &again), ERR_TOO_LARGE);
        assert_true(clock_ms() < begun_ms + PATIENCE_MS);
        nanosleep(&pause, NULL);
    } while (make() == ERR_TOO_LARGE);
    assert_int_equal(server.edits, 2);
    assert_int_equal(server_make(&made_up, &task, arena, sides, true, &again), OK); /* it can be read again */
}

/* Else who makes his roster too large again and again would stay in the other's. */
static void who_ends_a_binding_waits_as_long_each_time(void **state)
{
    (void)state;
    const struct xmpp_patience again = {.disagreeing_ms = PATIENCE_MS, .again = true};
    server.too_large_ms = 100;
    const int64_t begun_ms = clock_ms();
    assert_int_equal(make(), ERR_TOO_LARGE);
    const int64_t rest_ms = UNREADABLE_FIRST * (clock_ms() - begun_ms); /* at most: a reading took no longer */
    const struct timespec rest = {.tv_sec = rest_ms / 1000, .tv_nsec = rest_ms % 1000 * 1000000};
    server.ending = true;
    assert_int_equal(server_make(&made_up, &task, arena, sides, false, &again), ERR_TOO_LARGE);
    assert_int_equal(server.edits, 1);
    nanosleep(&rest, NULL);
    assert_int_equal(server_make(&made_up, &task, arena, sides, false, &again), ERR_TOO_LARGE);
    assert_int_equal(server.edits, 2); /* it was written, for the other's sake */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_shown_at_once_is_written_once),
        TEST(what_is_shown_late_is_read_again),
        TEST(what_was_lost_is_written_again),
        TEST(but_not_all_the_time_and_not_for_ever),
        TEST(rosters_are_read_in_the_same_go_unless_the_server_is_busy),
        TEST(what_others_are_reading_is_waited_for_without_slots),
        TEST(who_writes_against_us_is_given_up_soon),
        TEST(a_refusal_is_the_end),
        TEST(a_roster_that_is_too_large_is_left_alone),
        TEST(who_ends_a_binding_waits_as_long_each_time),
    };
    return cmocka_run_group_tests_name("make", tests, NULL, NULL);
}
