/* What becomes of the differences that a comparison finds (component/jobs/mending.c), by policy. */
#include "tests/live/mending_fixture.h"

/* --- restoring */

static void nothing_differs(void **state)
{
    (void)state;
    assert_int_equal(compare(me, true), OUTCOME_SAME);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(ask("select count(*) from comparisons where drifted_at is not null or drift > 0"), 0);
}

static void a_removed_contact_is_restored(void **state)
{
    (void)state;
    static const enum xmpp_subscription subscriptions[] = {XMPP_NONE, XMPP_TO, XMPP_FROM};
    for (size_t i = 0; i < 3; i++) {
        shows_all();
        seen[1].subscription = subscriptions[i];
        assert_int_equal(compare(me, true), OUTCOME_MENDED);
        assert_true(waits(OUTBOX_PAIR, me, peers[1]));
        assert_int_equal(ask("select count(*) from outbox"), 1);
        assert_int_equal(pair_column("wanted::int", peers[1]), 1);
        ask("delete from outbox");
        ask("update bindings set seen_version = version");
    }
    shows_all();
    seen_count = 2; /* the third is not there at all */
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_PAIR, me, peers[2]));
    assert_int_equal(ask("select count(*) from roster_seen where account_id = %lld and peer_id = %lld", (long long)me,
                         (long long)peers[2]),
                     0);
    assert_int_equal(ask("select drift from comparisons where account_id = %lld", (long long)me), 1);
}

static void another_name_is_put_right_and_does_not_count_for_the_brake(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 0;
    jobs.reconcile.brake.floor = 0;
    seen[0].name = "Kitchen";
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_PAIR, me, peers[0]));
    assert_int_equal(brake_now(), BRAKE_OFF);
    assert_int_equal(ask("select count(*) from comparisons where drifted_at is not null"), 0);
}

static void a_left_over_is_removed_and_a_user_s_own_contact_is_not(void **state)
{
    (void)state;
    const int64_t once = active_account(ACCOUNT_DEVICE, "once"), added = active_account(ACCOUNT_DEVICE, "added"),
                  gone = active_account(ACCOUNT_DEVICE, "gone");
    ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)me, (long long)once);
    shows(once, XMPP_BOTH, "once");
    shows(added, XMPP_BOTH, "added");
    shows(gone, XMPP_NONE, "gone");
    cancel_account(gone, ACCOUNT_ACTIVE);
    seen[seen_count++] = (struct roster_item){
        .jid = "aunt@elsewhere.org", .subscription = XMPP_BOTH, .name = "Aunt", .groups = no_groups};
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_PAIR, me, once) && waits(OUTBOX_PAIR, me, gone));
    assert_int_equal(ask("select count(*) from outbox"), 2);
    assert_int_equal(ask("select count(*) from bindings where not wanted"), 2);
}

static void a_vanished_jid_is_noted_and_made_again(void **state)
{
    (void)state;
    assert_int_equal(compare(me, false), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_CHECK_JID, me, 0));
    assert_int_equal(ask("select jid_state from accounts where id = %lld", (long long)me), JID_VANISHED);
    assert_int_equal(ask("select count(*) from outbox"), 1); /* its roster comes when it is there */
}

static void a_jid_that_was_thought_vanished_and_is_there_is_noted(void **state)
{
    (void)state;
    ask("update accounts set jid_state = 3 where id = %lld", (long long)me);
    assert_int_equal(compare(me, true), OUTCOME_SAME);
    assert_int_equal(ask("select jid_state from accounts where id = %lld", (long long)me), JID_MADE);
}

static void a_risen_jid_is_deleted_again(void **state)
{
    (void)state;
    const int64_t gone = active_account(ACCOUNT_DEVICE, "gone");
    cancel_account(gone, ACCOUNT_ACTIVE);
    assert_int_equal(compare(gone, false), OUTCOME_SAME);
    assert_int_equal(compare(gone, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_DELETE_JID, gone, 0));
    ask("update comparisons set outcome = %d", OUTCOME_HELD);
    assert_int_equal(compare(gone, true), OUTCOME_HELD); /* its own errand is at it: nothing new is known */
    assert_int_equal(ask("select drift from comparisons"), 1);
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    load(me);
    look(true);
    errand->comparison->read = false;
    errand->comparison->difference_count = 0;
    assert_int_equal(record(), OUTCOME_UNREAD);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    load(me);
    errand->result = ERR_XMPP;
    errand->item.attempts = 2;
    assert_int_equal(record(), OUTCOME_UNREAD); /* still; it is tried again */
    assert_true(waits(OUTBOX_COMPARE, me, 0));
    ask("delete from outbox");
    load(me);
    errand->result = ERR_XMPP;
    errand->item.attempts = 3;
    assert_int_equal(record(), OUTCOME_UNREAD);
    assert_false(waits(OUTBOX_COMPARE, me, 0));
}

/* --- following */

static void a_removed_contact_ends_the_binding(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    seen[1].subscription = XMPP_NONE;
    seen_count = 2;
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(pair_column("wanted::int", peers[0]), 1);
    assert_int_equal(pair_column("wanted::int", peers[1]), 0);
    assert_int_equal(pair_column("wanted::int", peers[2]), 0);
    assert_true(waits(OUTBOX_PAIR, me, peers[1]) && waits(OUTBOX_PAIR, me, peers[2]));
    assert_int_equal(ask("select count(*) from outbox"), 2);
}

static void not_when_the_contact_s_jid_vanished(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    seen_count = 1;
    load(me);
    look(true);
    errand->comparison->peer_sights[1] = PEER_GONE;
    errand->comparison->peer_sights[2] = PEER_NOT_LOOKED_FOR;
    assert_int_equal(record(), OUTCOME_MENDED);
    assert_int_equal(ask("select count(*) from bindings where wanted"), PEERS);
    assert_true(waits(OUTBOX_COMPARE, peers[1], 0)); /* it is found there */
    assert_int_equal(ask("select count(*) from outbox"), 1);
}

static void not_when_the_server_may_have_forgotten_it(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    ask("insert into comparisons (account_id, forgotten) values (%lld, true)", (long long)me);
    seen_count = 2;
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(pair_column("wanted::int", peers[2]), 1);
    assert_true(waits(OUTBOX_PAIR, me, peers[2]));
}

static void not_while_the_brake_is_let_go(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    put_brake_on();
    assert_int_equal(brake_let_go(pg, HOUR_MS), OK);
    seen_count = 2;
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(pair_column("wanted::int", peers[2]), 1);
    assert_true(waits(OUTBOX_PAIR, me, peers[2]));
}

static void a_user_s_own_name_stays(void **state)
{
    (void)state;
    static const char *const groups[] = {"Home"};
    jobs.reconcile.follow = true;
    seen[0].name = "Kitchen";
    seen[1].groups = groups;
    seen[1].group_count = 1;
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(pair_column("count(*)", peers[0]), 1);
    assert_int_equal(ask("select count(*) from bindings where low_nickname = 'Kitchen' and low_groups is null"), 1);
    assert_int_equal(ask("select count(*) from bindings where low_groups = '{Home}' and low_nickname is null"), 1);
    assert_int_equal(ask("select count(*) from bindings where high_nickname is null and high_groups is null"), PEERS);
    assert_int_equal(compare(me, true), OUTCOME_SAME);
}

/* The configuration's groups have changed, or the account's nickname: the user did nothing. */
static void a_name_of_ours_that_is_new_is_written(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    ask("update accounts set nickname = 'Fresh' where id = %lld", (long long)peers[0]);
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_PAIR, me, peers[0]));
    assert_int_equal(ask("select count(*) from bindings where low_nickname is not null"), 0);
}

static void a_name_that_could_not_be_written_again_is_not_taken_over(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    seen[0].name = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_true(waits(OUTBOX_PAIR, me, peers[0]));
    assert_int_equal(ask("select count(*) from bindings where low_nickname is not null"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MENDING_TEST(nothing_differs),
        MENDING_TEST(a_removed_contact_is_restored),
        MENDING_TEST(another_name_is_put_right_and_does_not_count_for_the_brake),
        MENDING_TEST(a_left_over_is_removed_and_a_user_s_own_contact_is_not),
        MENDING_TEST(a_vanished_jid_is_noted_and_made_again),
        MENDING_TEST(a_jid_that_was_thought_vanished_and_is_there_is_noted),
        MENDING_TEST(a_risen_jid_is_deleted_again),
        MENDING_TEST(what_cannot_be_read_is_said),
        MENDING_TEST(a_removed_contact_ends_the_binding),
        MENDING_TEST(not_when_the_contact_s_jid_vanished),
        MENDING_TEST(not_when_the_server_may_have_forgotten_it),
        MENDING_TEST(not_while_the_brake_is_let_go),
        MENDING_TEST(a_user_s_own_name_stays),
        MENDING_TEST(a_name_of_ours_that_is_new_is_written),
        MENDING_TEST(a_name_that_could_not_be_written_again_is_not_taken_over),
    };
    return cmocka_run_group_tests_name("mending", tests, postgres_set_up, postgres_tear_down);
}
