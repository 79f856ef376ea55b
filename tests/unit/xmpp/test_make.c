/* Making two rosters as wanted (server_make of xmpp/server.h), on a server that is slow to show it, or loses what was
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/readings.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"

enum { SLOTS = 4, PATIENCE_MS = 10000 };

static struct arena *arena;
static struct task task;
static struct slots *slots;
static struct readings *readings;
static struct roster_side sides[2];
static struct {
    unsigned edits, reads;
    unsigned lost;   /* so many edits come to nothing */
    unsigned unseen; /* so many readings show nothing of it */
    enum err refusal;
} server;

static enum err edit(struct readback *readback, bool bind)
{
    (void)readback;
    assert_true(bind);
    assert_true(task.slots >= 1);
    server.edits++;
    return server.refusal;
}

static enum err read_back(struct task *reader, struct arena *own, const char *local, struct roster *roster_r)
{
    assert_ptr_equal(reader, &task);
    if (++server.reads <= server.unseen || server.edits <= server.lost)
        return OK;
    struct roster_item *item = arena_alloc(own, sizeof *item);
    *item = sides[strcmp(local, "a") == 0 ? 0 : 1].item;
    item->subscription = XMPP_BOTH;
    *roster_r = (struct roster){.items = item, .count = 1};
    return OK;
}

static const struct xmpp_server made_up = {
    .name = "made up", .account_requests = 1, .edit_requests = 2, .edit = edit, .read_back = read_back};

static enum err make(void)
{
    return server_make(&made_up, &task, arena, sides, true, PATIENCE_MS);
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
    assert_int_equal(server_make(&made_up, &task, arena, sides, true, 100), ERR_CONFLICT);
    assert_int_equal(server.edits, 1);
    assert_true(server.reads > 2); /* not before it was read again */
    assert_in_range(clock_ms() - begun_ms, 50, 1000);
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
    readings = readings_new();
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_shown_at_once_is_written_once),  TEST(what_is_shown_late_is_read_again),
        TEST(what_was_lost_is_written_again),         TEST(but_not_all_the_time_and_not_for_ever),
        TEST(who_writes_against_us_is_given_up_soon), TEST(a_refusal_is_the_end),
    };
    return cmocka_run_group_tests_name("make", tests, NULL, NULL);
}
