/* The outbox (sql/outbox.h): who comes back when his lease has run out, and may have undone what another did. */
#include "tests/live/outbox_fixture.h"

#include "sql/pairs.h"

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

/* Two workers are given the same row, because the lease of the first one ran out. */
static void take_twice(struct outbox_item *slow_r, struct outbox_item *quick_r)
{
    *slow_r = take_one();
    leases_run_out();
    *quick_r = take_one();
    assert_true(quick_r->lease != slow_r->lease);
}

static void take_pair_twice(int64_t ids[2], struct outbox_item *slow_r, struct outbox_item *quick_r)
{
    active_accounts(ids, 2);
    bind_pair(ids[0], ids[1], true);
    take_twice(slow_r, quick_r);
}

static void who_lost_the_lease_has_the_pair_compared_again(void **state)
{
    (void)state;
    int64_t ids[2];
    struct outbox_item slow, quick;
    take_pair_twice(ids, &slow, &quick);
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
    struct outbox_item slow, quick;
    take_pair_twice(ids, &slow, &quick);
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
    struct outbox_item slow, quick;
    take_pair_twice(ids, &slow, &quick);
    saw(&quick);
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 1);
    assert_int_equal(outbox_done(pg, &slow), OK);
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 0);
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
    struct outbox_item slow, quick;
    add(OUTBOX_CHECK_JID, id);
    take_twice(&slow, &quick);
    assert_int_equal(outbox_done(pg, &quick), OK);
    assert_int_equal(outbox_done(pg, &slow), OK);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(who_lost_the_lease_has_the_pair_compared_again),
        SCHEMA_TEST(who_failed_after_the_lease_has_it_compared_again_too),
        SCHEMA_TEST(a_late_binding_is_undone_even_when_its_end_was_forgotten),
        SCHEMA_TEST(a_late_finisher_makes_a_shown_binding_unseen),
        SCHEMA_TEST(a_late_jid_is_deleted_again),
        SCHEMA_TEST(a_late_worker_harms_no_active_account),
    };
    return cmocka_run_group_tests_name("outbox, late", tests, postgres_set_up, postgres_tear_down);
}
