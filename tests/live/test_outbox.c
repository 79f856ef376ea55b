/* The outbox (sql/outbox.h): leases, wishes that change under a worker, what waits for what. */
#include "sql/outbox.h"

#include "sql/bindings.h"
#include "sql/comparisons.h"
#include "sql/pairs.h"
#include "tests/live/live_postgres.h"

enum { LEASE_MS = 60000, REGISTER_WAIT_MS = 10000, MOST = 10, WORKERS = 4, ROWS = 60 };

static struct outbox_item *items;
static size_t count;

static size_t take_as(const char *owner, bool creates_only, size_t most)
{
    const struct outbox_claim claim = {.owner = owner,
                                       .lease_ms = LEASE_MS,
                                       .register_wait_ms = REGISTER_WAIT_MS,
                                       .creates_only = creates_only,
                                       .most = most};
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    return count;
}

static size_t take(void)
{
    return take_as("here", false, MOST);
}

static struct outbox_item take_one(void)
{
    assert_int_equal(take(), 1);
    return items[0];
}

static void leases_run_out(void)
{
    ask("update outbox set due_at = now() where lease is not null");
}

static void add(enum outbox_kind kind, int64_t account_id)
{
    assert_int_equal(outbox_add(pg, kind, account_id, "here"), OK);
}

static void bind_pair(int64_t a, int64_t b, bool wanted)
{
    struct wish *wishes;
    size_t changed;
    assert_int_equal(wanted ? bindings_want(pg, arena, a, &b, 1, true, ROWS, &wishes, &changed)
                            : bindings_unwant(pg, arena, a, &b, 1, &wishes, &changed),
                     OK);
    assert_int_equal(changed, 1);
}

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

/* --- leases that ran out */

/* The worker of the pair saw it as it is wanted. */
static void saw(const struct outbox_item *item)
{
    const bool bound = ask("select count(*) from bindings where wanted") > 0;
    struct pair_done done = {.item = item,
                             .version = ask("select version from bindings"),
                             .sights = {{.present = bound, .subscription = 3, .nickname = ""},
                                        {.present = bound, .subscription = 3, .nickname = ""}}};
    assert_int_equal(pairs_record(pg, arena, &done, 1), OK);
    assert_true(done.recorded);
}

static void who_lost_the_lease_has_the_pair_compared_again(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    const struct outbox_item slow = take_one();
    leases_run_out();
    const struct outbox_item quick = take_one();
    assert_true(quick.lease != slow.lease);
    assert_int_equal(outbox_done(pg, &slow), OK);
    assert_int_equal(take(), 0); /* the quick one is at it */
    assert_int_equal(outbox_done(pg, &quick), OK);
    const struct outbox_item again = take_one();
    assert_int_equal(outbox_done(pg, &again), OK);
    assert_int_equal(take(), 0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void who_failed_after_the_lease_has_it_compared_again_too(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    const struct outbox_item slow = take_one();
    leases_run_out();
    const struct outbox_item quick = take_one();
    assert_int_equal(outbox_done(pg, &quick), OK);
    assert_int_equal(outbox_retry(pg, &slow, 30000, "timeout"), OK); /* one of the two rosters, perhaps */
    assert_true(take_one().low == ids[0]);
}

/* His "bind" came after another's "unbind", of which nothing is left: it must still be found and undone. */
static void a_late_binding_is_undone_even_when_its_end_was_forgotten(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    const struct outbox_item slow = take_one();
    leases_run_out();
    bind_pair(ids[0], ids[1], false);
    leases_run_out();
    const struct outbox_item quick = take_one();
    saw(&quick);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(outbox_done(pg, &slow), OK);
    const struct outbox_item again = take_one();
    assert_int_equal(ask("select count(*) from bindings where not wanted"), 1);
    saw(&again);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void a_late_finisher_makes_a_shown_binding_unseen(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    const struct outbox_item slow = take_one();
    leases_run_out();
    const struct outbox_item quick = take_one();
    saw(&quick);
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 1);
    assert_int_equal(outbox_done(pg, &slow), OK);
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 0);
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
    assert_int_equal(take_as("there", false, MOST), 1);
    assert_int_equal(outbox_release(pg, "here"), OK);
    assert_int_equal(take(), 3);
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

/* Who lost the lease may have made the JID after it was deleted, whether he says so or that he failed. */
static void a_late_jid_is_deleted_again(void **state)
{
    (void)state;
    for (int failed = 0; failed < 2; failed++) {
        const int64_t id = active_account(ACCOUNT_DEVICE, failed ? "a" : "b");
        add(OUTBOX_CHECK_JID, id);
        const struct outbox_item slow = take_one();
        cancel_account(id, ACCOUNT_ACTIVE);
        leases_run_out();
        const struct outbox_item quick = take_one();
        assert_int_equal(outbox_done(pg, &quick), OK);
        assert_int_equal(take(), 0);
        assert_int_equal(failed ? outbox_retry(pg, &slow, 0, "timeout") : outbox_done(pg, &slow), OK);
        const struct outbox_item again = take_one();
        assert_int_equal(again.kind, OUTBOX_DELETE_JID);
        assert_int_equal(again.low, id);
        assert_int_equal(outbox_done(pg, &again), OK);
        assert_int_equal(take(), 0);
    }
}

static void a_late_worker_harms_no_active_account(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    add(OUTBOX_CHECK_JID, id);
    const struct outbox_item slow = take_one();
    leases_run_out();
    const struct outbox_item quick = take_one();
    assert_int_equal(outbox_done(pg, &quick), OK);
    assert_int_equal(outbox_done(pg, &slow), OK);
    assert_int_equal(ask("select count(*) from outbox"), 0);
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
        SCHEMA_TEST(the_oldest_come_first_and_no_more_than_asked),
        SCHEMA_TEST(many_workers_take_each_row_once),
        SCHEMA_TEST(what_failed_comes_again_later),
        SCHEMA_TEST(a_wish_that_changed_meanwhile_comes_again),
        SCHEMA_TEST(a_wish_that_is_just_changing_comes_again),
        SCHEMA_TEST(who_lost_the_lease_has_the_pair_compared_again),
        SCHEMA_TEST(who_failed_after_the_lease_has_it_compared_again_too),
        SCHEMA_TEST(a_late_binding_is_undone_even_when_its_end_was_forgotten),
        SCHEMA_TEST(a_late_finisher_makes_a_shown_binding_unseen),
        SCHEMA_TEST(a_creation_is_its_owners_while_somebody_waits_for_it),
        SCHEMA_TEST(without_a_link_only_creations_are_taken),
        SCHEMA_TEST(a_start_takes_over_what_an_earlier_run_held),
        SCHEMA_TEST(a_jid_goes_after_its_pairs),
        SCHEMA_TEST(a_jid_goes_after_who_is_making_it),
        SCHEMA_TEST(what_nobody_is_at_is_dropped),
        SCHEMA_TEST(a_late_jid_is_deleted_again),
        SCHEMA_TEST(a_late_worker_harms_no_active_account),
        SCHEMA_TEST(a_jid_is_checked_once_in_a_while),
        SCHEMA_TEST(the_outbox_is_counted),
    };
    return cmocka_run_group_tests_name("outbox", tests, postgres_set_up, postgres_tear_down);
}
