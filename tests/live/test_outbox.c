/* The outbox (sql/outbox.h): leases, wishes that change under a worker, what waits for what. Workers whose lease ran
 * out: test_outbox_late.c. */
#include "tests/live/outbox_fixture.h"

#include "sql/comparisons.h"
#include "sql/instances.h"

enum { WORKERS = 4 };

/* --- taking */

static void a_row_is_taken_once(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    add(OUTBOX_CHECK_JID, id);
    const struct outbox_item item = take_one();
    assert_int_equal(item.kind, OUTBOX_CHECK_JID);
    assert_int_equal(item.low, id);
    assert_int_equal(item.high, 0);
    assert_int_equal(item.attempts, 1);
    assert_in_range(item.age_ms, 0, 5000);
    assert_int_equal(take(), 0);
    assert_int_equal(take_as("there", false, MOST), 0);
    assert_int_equal(outbox_done(pg, &item), OK);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

/* The lease of items[0] was drawn, its rows were taken, and the answer did not come. */
static void take_after_a_lost_answer(const char *owner)
{
    int64_t lost = items[0].lease;
    const struct outbox_claim claim = {
        .owner = owner, .lease_ms = LEASE_MS, .register_wait_ms = REGISTER_WAIT_MS, .most = MOST, .lost = &lost};
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(lost, 0);
}

static void what_was_taken_without_an_answer_is_taken_again(void **state)
{
    (void)state;
    const int64_t ids[] = {active_account(ACCOUNT_DEVICE, "d"), active_account(ACCOUNT_DEVICE, "e")};
    add(OUTBOX_CREATE_JID, ids[0]);
    const struct outbox_item first = take_one();
    take_after_a_lost_answer("there"); /* somebody else's lease is not given back */
    assert_int_equal(count, 0);
    assert_int_equal(ask("select count(*) from outbox where lease is not null"), 1);
    items[0] = first;
    add(OUTBOX_CHECK_JID, ids[1]);
    take_after_a_lost_answer("here");
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items[i].attempts, 1);
        assert_true(items[i].lease != first.lease);
    }
}

static void the_oldest_come_first_and_no_more_than_asked(void **state)
{
    (void)state;
    int64_t ids[4];
    active_accounts(ids, 4);
    for (int i = 0; i < 4; i++) {
        add(OUTBOX_CHECK_JID, ids[i]);
        ask("update outbox set due_at = now() - interval '%d minutes' where low = %lld", i, (long long)ids[i]);
    }
    assert_int_equal(take_as("here", false, 2), 2);
    assert_true(items[0].low + items[1].low == ids[2] + ids[3]);
    assert_int_equal(take_as("here", false, 1), 1);
    assert_true(items[0].low == ids[1]);
}

struct worker {
    int taken[ROWS];
    int64_t first;
};

static void *take_and_finish(void *arg)
{
    struct worker *worker = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    const struct outbox_claim claim = {.owner = "here", .lease_ms = LEASE_MS, .most = 3};
    struct outbox_item *mine;
    for (size_t got = 1; got > 0;) {
        if (outbox_take(session, own_arena, &claim, &mine, &got) != OK)
            break;
        for (size_t i = 0; i < got; i++) {
            worker->taken[mine[i].low - worker->first]++;
            if (outbox_done(session, &mine[i]) != OK)
                worker->taken[mine[i].low - worker->first] += 100;
        }
    }
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

static void many_workers_take_each_row_once(void **state)
{
    (void)state;
    int64_t ids[ROWS];
    struct worker workers[WORKERS] = {0};
    pthread_t threads[WORKERS];
    active_accounts(ids, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        add(OUTBOX_CHECK_JID, ids[i]);
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].first = ids[0];
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_finish, &workers[i]), 0);
    }
    int taken[ROWS] = {0};
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        for (size_t row = 0; row < ROWS; row++)
            taken[row] += workers[i].taken[row];
    }
    for (size_t row = 0; row < ROWS; row++)
        assert_int_equal(taken[row], 1);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

/* --- giving back */

static void what_failed_comes_again_later(void **state)
{
    (void)state;
    add(OUTBOX_CHECK_JID, active_account(ACCOUNT_DEVICE, "d"));
    const struct outbox_item item = take_one();
    assert_int_equal(outbox_retry(pg, &item, 30000, "xmpp"), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(ask("select count(*) from outbox where last_error = 'xmpp' and lease is null and "
                         "due_at between now() + interval '25 seconds' and now() + interval '30 seconds'"),
                     1);
    assert_int_equal(outbox_hurry(pg), OK);
    assert_int_equal(take_one().attempts, 2);
}

static void a_wish_that_changed_meanwhile_comes_again(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    const struct outbox_item first = take_one();
    bind_pair(ids[0], ids[1], false);
    assert_int_equal(take(), 0); /* the first is still at it */
    assert_int_equal(outbox_done(pg, &first), OK);
    const struct outbox_item second = take_one();
    assert_true(second.version > first.version);
    assert_int_equal(second.attempts, 1);
    bind_pair(ids[0], ids[1], true);
    assert_int_equal(outbox_retry(pg, &second, 30000, "xmpp"), OK);
    assert_true(take_one().version > second.version); /* and does not wait for the old one's sake */
}

/* The wish is being changed while its worker says that it is done: he waits, and then sees the change. */
static void *finish_late(void *arg)
{
    struct pg *session = pg_new(&config);
    const bool finished = outbox_done(session, arg) == OK;
    pg_free(&session);
    return finished ? arg : NULL;
}

static void a_wish_that_is_just_changing_comes_again(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    pthread_t thread;
    void *finished;
    add(OUTBOX_CHECK_JID, id);
    struct outbox_item item = take_one();
    assert_int_equal(pg_begin(pg), OK);
    add(OUTBOX_CHECK_JID, id);
    assert_int_equal(pthread_create(&thread, NULL, finish_late, &item), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, &finished);
    assert_ptr_equal(finished, &item);
    assert_true(take_one().version > item.version);
}

/* --- contested pairs */

static size_t take_parts(size_t most, size_t contested_most)
{
    const struct outbox_claim claim = {.owner = "here",
                                       .lease_ms = LEASE_MS,
                                       .register_wait_ms = REGISTER_WAIT_MS,
                                       .most = most,
                                       .contested_most = contested_most};
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    return count;
}

static void contested_pairs_have_a_part_of_the_workers(void **state)
{
    (void)state;
    int64_t ids[8];
    active_accounts(ids, 8);
    for (int i = 1; i < 8; i++)
        bind_pair(ids[0], ids[i], true);
    assert_int_equal(take_parts(5, 0), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_false(items[i].contested);
        assert_int_equal(outbox_retry(pg, &items[i], 0, err_name(ERR_CONFLICT)), OK);
    }
    assert_int_equal(take_parts(4, 0), 2); /* the rest, and none of them */
    assert_false(items[0].contested || items[1].contested);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(outbox_retry(pg, &items[i], 0, err_name(ERR_TIMEOUT)), OK);
    assert_int_equal(take_parts(3, 2), 3);
    assert_int_equal(items[0].contested + items[1].contested + items[2].contested, 2);
    assert_int_equal(take_parts(3, 2), 3);
    assert_int_equal(take_parts(3, 2), 1);
    assert_true(items[0].contested);
    assert_int_equal(take_parts(3, 2), 0);
}

static void the_least_tried_of_them_come_first(void **state)
{
    (void)state;
    int64_t ids[3];
    active_accounts(ids, 3);
    bind_pair(ids[0], ids[1], true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take_parts(1, 1), 1);
        assert_int_equal(outbox_retry(pg, &items[0], 0, err_name(ERR_CONFLICT)), OK);
    }
    bind_pair(ids[0], ids[2], true);
    assert_int_equal(take_parts(1, 0), 1);
    assert_int_equal(outbox_retry(pg, &items[0], 0, err_name(ERR_CONFLICT)), OK);
    assert_int_equal(take_parts(1, 1), 1);
    assert_int_equal(items[0].high, ids[2]);
    assert_int_equal(items[0].attempts, 2);
    bind_pair(ids[0], ids[1], false); /* another wish is none that was contested */
    assert_int_equal(take_parts(1, 0), 1);
    assert_int_equal(items[0].attempts, 1);
}

/* --- registrations */

static void a_creation_is_its_owners_while_somebody_waits_for_it(void **state)
{
    (void)state;
    const int64_t id = pending_account(ACCOUNT_DEVICE, "d");
    add(OUTBOX_CREATE_JID, id);
    assert_int_equal(take_as("there", false, MOST), 0);
    assert_int_equal(take(), 1);
    leases_run_out();
    assert_int_equal(take_as("there", false, MOST), 0);
    ask("update outbox set since = now() - interval '11 seconds'");
    assert_int_equal(take_as("there", false, MOST), 1); /* to be undone */
    assert_in_range(items[0].age_ms, 11000, 20000);
}

static void without_a_link_only_creations_are_taken(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    add(OUTBOX_CHECK_JID, ids[0]);
    add(OUTBOX_CREATE_JID, pending_account(ACCOUNT_DEVICE, "pending"));
    assert_int_equal(take_as("here", true, MOST), 1);
    assert_int_equal(items[0].kind, OUTBOX_CREATE_JID);
    assert_int_equal(take(), 2);
}

static void a_start_takes_over_what_an_earlier_run_held(void **state)
{
    (void)state;
    const int64_t held = active_account(ACCOUNT_DEVICE, "held"), theirs = active_account(ACCOUNT_DEVICE, "theirs");
    const int64_t queued = pending_account(ACCOUNT_DEVICE, "queued"), begun = pending_account(ACCOUNT_DEVICE, "begun");
    add(OUTBOX_CREATE_JID, begun);
    add(OUTBOX_CHECK_JID, held);
    assert_int_equal(take(), 2);
    add(OUTBOX_CREATE_JID, queued);
    assert_int_equal(outbox_add(pg, OUTBOX_CHECK_JID, theirs, NULL), OK);
    assert_int_equal(take_as("here/there/fedcba9876543210", false, MOST), 1);
    ask("update outbox set lease_owner = 'here/fedcba9876543210' where low <> %lld", (long long)theirs);
    const struct instance now = {.name = "here", .process = "0123456789abcdef"};
    char owner[INSTANCE_OWNER_SIZE];
    instance_owner(&now, owner);
    assert_int_equal(take_as(owner, false, MOST), 0);
    assert_int_equal(outbox_release(pg, &now), OK);
    assert_int_equal(take_as("here", true, MOST), 0); /* the registrations are this run's alone */
    assert_int_equal(take_as(owner, false, MOST), 3);
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].low != theirs);
        assert_true(items[i].attempts > 1); /* nobody waits for the registrations any more */
    }
}

/* --- what waits for what */

static void a_jid_goes_after_its_pairs(void **state)
{
    (void)state;
    int64_t ids[3];
    active_accounts(ids, 3);
    bind_pair(ids[1], ids[0], true);
    bind_pair(ids[1], ids[2], true);
    add(OUTBOX_DELETE_JID, ids[1]);
    assert_int_equal(take(), 2);
    const struct outbox_item first = items[0], second = items[1];
    assert_true(first.kind == OUTBOX_PAIR && second.kind == OUTBOX_PAIR);
    assert_int_equal(outbox_done(pg, &first), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(outbox_retry(pg, &second, 30000, "xmpp"), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(outbox_hurry(pg), OK);
    const struct outbox_item last = take_one();
    assert_int_equal(outbox_done(pg, &last), OK);
    assert_int_equal(take_one().kind, OUTBOX_DELETE_JID);
}

/* Who makes his roster one that cannot be read does not keep the JID of who was bound to him. */
static void a_jid_does_not_wait_for_what_fails_again_and_again(void **state)
{
    (void)state;
    enum { TRIES = 4 };
    int64_t ids[2];
    active_accounts(ids, 2);
    for (size_t i = 0; i < 2; i++) { /* the pair's low, and its high */
        bind_pair(ids[0], ids[1], true);
        add(OUTBOX_DELETE_JID, ids[i]);
        for (int try = 0; try < TRIES; try++) {
            assert_int_equal(outbox_hurry(pg), OK);
            const struct outbox_item pair = take_one();
            assert_int_equal(pair.kind, OUTBOX_PAIR);
            assert_int_equal(take(), 0);
            assert_int_equal(outbox_retry(pg, &pair, 30000, "too_large"), OK);
        }
        const struct outbox_item deleting = take_one();
        assert_int_equal(deleting.kind, OUTBOX_DELETE_JID);
        assert_int_equal(outbox_done(pg, &deleting), OK);
        ask("delete from outbox");
        ask("delete from bindings");
    }
}

/* A worker that is just making the JID, or making it again, must be done before it is deleted. */
static void a_jid_goes_after_who_is_making_it(void **state)
{
    (void)state;
    const enum outbox_kind kinds[] = {OUTBOX_CREATE_JID, OUTBOX_CHECK_JID};
    for (size_t i = 0; i < 2; i++) {
        const int64_t id = pending_account(ACCOUNT_DEVICE, i == 0 ? "a" : "b");
        add(kinds[i], id);
        const struct outbox_item making = take_one();
        assert_int_equal(outbox_drop(pg, kinds[i], id), OK);
        add(OUTBOX_DELETE_JID, id);
        assert_int_equal(take(), 0);
        assert_int_equal(outbox_done(pg, &making), OK);
        const struct outbox_item deleting = take_one();
        assert_int_equal(deleting.kind, OUTBOX_DELETE_JID);
        assert_int_equal(outbox_done(pg, &deleting), OK);
    }
}

static void what_nobody_is_at_is_dropped(void **state)
{
    (void)state;
    const int64_t id = pending_account(ACCOUNT_DEVICE, "d");
    add(OUTBOX_CREATE_JID, id);
    add(OUTBOX_DELETE_JID, id);
    assert_int_equal(outbox_drop(pg, OUTBOX_CREATE_JID, id), OK);
    assert_int_equal(take_one().kind, OUTBOX_DELETE_JID);
}

static void a_jid_is_checked_once_in_a_while(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d"), pending = pending_account(ACCOUNT_DEVICE, "pending");
    ask("update accounts set created_at = now() - interval '1 hour', jid_checked_at = null");
    assert_int_equal(comparisons_note_use(pg, pending, 1000), OK);
    assert_int_equal(comparisons_note_use(pg, id, 2 * 3600 * 1000), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(comparisons_note_use(pg, id, 1000), OK);
    assert_int_equal(comparisons_note_use(pg, id, 1000), OK);
    const struct outbox_item item = take_one();
    assert_int_equal(item.kind, OUTBOX_CHECK_JID);
    assert_int_equal(accounts_jid_checked(pg, id, JID_REFUSED), OK);
    assert_int_equal(outbox_done(pg, &item), OK);
    assert_int_equal(comparisons_note_use(pg, id, 60000), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(ask("select jid_state from accounts where id = %lld", (long long)id), JID_REFUSED);
    assert_int_equal(accounts_jid_checked(pg, pending, JID_MADE), ERR_NOT_FOUND);
}

/* --- figures */

static void the_outbox_is_counted(void **state)
{
    (void)state;
    int64_t ids[2];
    struct outbox_counts counts;
    active_accounts(ids, 2);
    assert_int_equal(outbox_count(pg, 3, &counts), OK);
    assert_true(counts.next_due_ms > 1000000);
    assert_int_equal(counts.oldest_ms, 0);
    bind_pair(ids[0], ids[1], true);
    add(OUTBOX_CHECK_JID, ids[0]);
    add(OUTBOX_CHECK_JID, ids[1]);
    ask("update outbox set attempts = 3, since = now() - interval '1 minute', due_at = now() + interval '5 seconds' "
        "where kind = 3");
    ask("update outbox set due_at = now() + interval '2 seconds' where kind = 4");
    assert_int_equal(outbox_count(pg, 3, &counts), OK);
    assert_int_equal(counts.waiting[OUTBOX_PAIR], 1);
    assert_int_equal(counts.waiting[OUTBOX_CHECK_JID], 2);
    assert_int_equal(counts.waiting[OUTBOX_CREATE_JID], 0);
    assert_int_equal(counts.stuck, 1);
    assert_in_range(counts.oldest_ms, 60000, 70000);
    assert_in_range(counts.next_due_ms, 0, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(a_row_is_taken_once),
        SCHEMA_TEST(what_was_taken_without_an_answer_is_taken_again),
        SCHEMA_TEST(the_oldest_come_first_and_no_more_than_asked),
        SCHEMA_TEST(many_workers_take_each_row_once),
        SCHEMA_TEST(what_failed_comes_again_later),
        SCHEMA_TEST(a_wish_that_changed_meanwhile_comes_again),
        SCHEMA_TEST(a_wish_that_is_just_changing_comes_again),
        SCHEMA_TEST(contested_pairs_have_a_part_of_the_workers),
        SCHEMA_TEST(the_least_tried_of_them_come_first),
        SCHEMA_TEST(a_creation_is_its_owners_while_somebody_waits_for_it),
        SCHEMA_TEST(without_a_link_only_creations_are_taken),
        SCHEMA_TEST(a_start_takes_over_what_an_earlier_run_held),
        SCHEMA_TEST(a_jid_goes_after_its_pairs),
        SCHEMA_TEST(a_jid_does_not_wait_for_what_fails_again_and_again),
        SCHEMA_TEST(a_jid_goes_after_who_is_making_it),
        SCHEMA_TEST(what_nobody_is_at_is_dropped),
        SCHEMA_TEST(a_jid_is_checked_once_in_a_while),
        SCHEMA_TEST(the_outbox_is_counted),
    };
    return cmocka_run_group_tests_name("outbox", tests, postgres_set_up, postgres_tear_down);
}
