/* What of the differences that a comparison finds is not mended (component/jobs/mending.c): because the brake is on, or
 * because something changed between the moment when Postgres was read and the one when the result is written down. */
#include "tests/live/mending_fixture.h"

/* --- the brake */

static void nothing_is_mended_while_it_is_on(void **state)
{
    (void)state;
    const int64_t gone = active_account(ACCOUNT_DEVICE, "gone");
    cancel_account(gone, ACCOUNT_ACTIVE);
    put_brake_on();
    for (int follow = 0; follow < 2; follow++) {
        jobs.reconcile.follow = follow > 0;
        shows_all();
        seen[0].name = "Kitchen";
        seen_count = 2;
        shows(gone, XMPP_BOTH, "gone");
        assert_int_equal(compare(me, true), OUTCOME_HELD);
        assert_int_equal(compare(gone, true), OUTCOME_HELD);
        assert_int_equal(compare(peers[0], false), OUTCOME_HELD);
    }
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(ask("select count(*) from bindings where wanted and seen_version = version"), PEERS);
    assert_int_equal(ask("select count(*) from bindings where low_nickname is not null"), 0);
    assert_int_equal(ask("select jid_state from accounts where id = %lld", (long long)peers[0]), JID_VANISHED);
    assert_int_equal(ask("select count(*) from comparisons where drifted_at is not null"), 3); /* it counts on */
}

static void one_too_many_is_held(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 2;
    assert_int_equal(compare(peers[0], false), OUTCOME_MENDED);
    assert_int_equal(compare(peers[1], false), OUTCOME_MENDED);
    assert_int_equal(compare(peers[2], false), OUTCOME_HELD);
    assert_int_equal(brake_now(), BRAKE_ON);
    assert_int_equal(ask("select count(*) from outbox where kind = %d", OUTBOX_CHECK_JID), 2);
}

static int64_t drifted_accounts(void)
{
    return ask("select count(*) from comparisons where drifted_at is not null");
}

/* In his client somebody removed all he is bound to, or ended the subscriptions: it is one account that drifted. */
static void what_one_account_does_to_others_counts_once(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    for (int i = 0; i < PEERS; i++) {
        seen_count = 0;
        shows(me, XMPP_NONE, "me");
        assert_int_equal(compare(peers[i], true), OUTCOME_MENDED);
        settle_all();
    }
    seen_count = 0;
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(brake_now(), BRAKE_OFF);
    assert_int_equal(drifted_accounts(), 1);
    assert_int_equal(ask("select account_id from comparisons where drifted_at is not null"), me);
}

static void a_jid_that_is_gone_counts_for_those_who_lost_it(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    for (int i = 0; i < PEERS; i++) {
        seen_count = 0;
        load(peers[i]);
        look(true);
        errand->comparison->peer_sights[0] = PEER_GONE;
        assert_int_equal(record(), OUTCOME_MENDED);
        settle_all();
    }
    assert_int_equal(drifted_accounts(), 1);
    assert_int_equal(compare(me, false), OUTCOME_MENDED);
    assert_int_equal(drifted_accounts(), 1);
    assert_int_equal(brake_now(), BRAKE_OFF);
}

/* Several of them: the one that was noted already, and not who it was done to. */
static void of_several_who_may_have_done_it_one_is_noted(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    seen_count = 0;
    shows(me, XMPP_TO, "me");
    assert_int_equal(compare(peers[2], true), OUTCOME_MENDED);
    ask("update comparisons set account_id = %lld where drifted_at is not null", (long long)peers[1]);
    settle_all();
    seen_count = 0;
    for (int i = 0; i < PEERS; i++)
        shows(peers[i], XMPP_TO, "d");
    assert_int_equal(compare(me, true), OUTCOME_MENDED);
    assert_int_equal(drifted_accounts(), 1);
}

static void who_did_it_before_did_it_again(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    seen_count = 0;
    shows(me, XMPP_NONE, "me");
    assert_int_equal(compare(peers[0], true), OUTCOME_MENDED);
    settle_all();
    for (int i = 0; i < PEERS; i++) { /* one after the other */
        shows_all();
        seen[i].subscription = XMPP_TO;
        assert_int_equal(compare(me, true), OUTCOME_MENDED);
        settle_all();
    }
    assert_int_equal(drifted_accounts(), 1);
    assert_int_equal(brake_now(), BRAKE_OFF);
}

/* Whose binding ended asks for a subscription, and clients grant it that grant all. */
static void who_comes_back_to_many_counts_once(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    for (int i = 0; i < PEERS; i++) {
        const int64_t once = active_account(ACCOUNT_DEVICE, arena_printf(arena, "once%d", i));
        ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)me, (long long)once);
        seen_count = 0;
        shows(me, XMPP_FROM, "");
        assert_int_equal(compare(once, true), OUTCOME_MENDED);
        assert_true(waits(OUTBOX_PAIR, me, once));
        settle_all();
    }
    assert_int_equal(drifted_accounts(), 1);
    assert_int_equal(ask("select account_id from comparisons where drifted_at is not null"), me);
    assert_int_equal(brake_now(), BRAKE_OFF);
}

/* As an old backup shows them. */
static void bindings_that_are_back_count_each(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    for (int i = 0; i < 2; i++) {
        const int64_t once = active_account(ACCOUNT_DEVICE, arena_printf(arena, "once%d", i));
        ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)me, (long long)once);
        seen_count = 0;
        shows(me, XMPP_BOTH, "");
        assert_int_equal(compare(once, true), i == 0 ? OUTCOME_MENDED : OUTCOME_HELD);
    }
    assert_int_equal(drifted_accounts(), 2);
    assert_int_equal(brake_now(), BRAKE_ON);
}

/* Contacts that are missing while their JIDs are there: so it is when rosters were emptied. */
static void rosters_that_lack_contacts_count_each(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 2;
    for (int i = 0; i < PEERS; i++) {
        seen_count = 0;
        assert_int_equal(compare(peers[i], true), i < 2 ? OUTCOME_MENDED : OUTCOME_HELD);
    }
    assert_int_equal(brake_now(), BRAKE_ON);
    assert_int_equal(drifted_accounts(), PEERS);
}

/* A check of a JID that vanished: which a login wishes, or a pair that finds none. */
static void load_check(int64_t id)
{
    assert_int_equal(outbox_add(pg, OUTBOX_CHECK_JID, id, NULL), OK);
    take_one();
}

static void a_check_obeys_it_too(void **state)
{
    (void)state;
    jobs.reconcile.brake.accounts = 1;
    for (int i = 0; i < 2; i++) {
        load_check(peers[i]);
        assert_int_equal(errand->result, OK);
        errand->jid_state = JID_VANISHED; /* found so */
        assert_int_equal(errand_mend(pg, errand), OK);
        assert_int_equal(errand->brake, i == 0 ? BRAKE_OFF : BRAKE_ON);
        assert_int_equal(pg_begin(pg), OK);
        assert_int_equal(errand_record(pg, errand), OK);
        assert_int_equal(pg_commit(pg), OK);
        assert_int_equal(waits(OUTBOX_CHECK_JID, peers[i], 0), i == 0);
        ask("delete from outbox");
    }
    assert_int_equal(ask("select outcome from comparisons where account_id = %lld", (long long)peers[1]), OUTCOME_HELD);
    load_check(peers[0]);
    assert_int_equal(errand->brake, BRAKE_ON); /* it was allowed to, but was not in time */
    assert_int_equal(ask("select count(*) from accounts where jid_state = 3"), 2);
}

/* --- what changes meanwhile */

static void a_pair_unbound_meanwhile_is_not_restored(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        load(me);
        wish(false, peers[2]);
        if (done > 0)
            settle_all();
        seen_count = 2;
        look(true);
        assert_int_equal(record(), OUTCOME_SAME);
        assert_int_equal(ask("select count(*) from bindings where wanted"), PEERS - 1);
        if (done == 0) {
            wish(true, peers[2]);
            settle_all();
        }
    }
    assert_int_equal(ask("select count(*) from comparisons where drifted_at is not null"), 0);
}

static void a_pair_bound_anew_meanwhile_is_not_ended(void **state)
{
    (void)state;
    jobs.reconcile.follow = true;
    load(me);
    wish(false, peers[2]);
    seen_count = 2;
    look(true); /* between the two */
    wish(true, peers[2]);
    settle_all();
    assert_int_equal(record(), OUTCOME_SAME);
    assert_int_equal(pair_column("wanted::int", peers[2]), 1);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void a_pair_bound_meanwhile_is_no_left_over(void **state)
{
    (void)state;
    const int64_t fresh = active_account(ACCOUNT_DEVICE, "fresh");
    ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)me, (long long)fresh);
    load(me);
    wish(true, fresh);
    shows(fresh, XMPP_BOTH, "fresh");
    look(true);
    assert_int_equal(record(), OUTCOME_SAME);
    assert_int_equal(pair_column("wanted::int", fresh), 1);
}

static void an_account_cancelled_meanwhile_is_not_made_again(void **state)
{
    (void)state;
    load(peers[0]);
    cancel_account(peers[0], ACCOUNT_ACTIVE);
    look(false);
    assert_int_equal(record(), OUTCOME_NONE);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(ask("select count(*) from accounts where jid_state = 3"), 0);
}

static void written_down_twice_it_is_wished_once(void **state)
{
    (void)state;
    seen_count = 2;
    load(me);
    look(true);
    assert_int_equal(errand_mend(pg, errand), OK); /* the COMMIT was not answered */
    const int64_t version = pair_column("version", peers[2]);
    assert_true(waits(OUTBOX_PAIR, me, peers[2]));
    record();
    assert_int_equal(pair_column("version", peers[2]), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MENDING_TEST(nothing_is_mended_while_it_is_on),
        MENDING_TEST(one_too_many_is_held),
        MENDING_TEST(what_one_account_does_to_others_counts_once),
        MENDING_TEST(a_jid_that_is_gone_counts_for_those_who_lost_it),
        MENDING_TEST(of_several_who_may_have_done_it_one_is_noted),
        MENDING_TEST(who_did_it_before_did_it_again),
        MENDING_TEST(who_comes_back_to_many_counts_once),
        MENDING_TEST(bindings_that_are_back_count_each),
        MENDING_TEST(rosters_that_lack_contacts_count_each),
        MENDING_TEST(a_check_obeys_it_too),
        MENDING_TEST(a_pair_unbound_meanwhile_is_not_restored),
        MENDING_TEST(a_pair_bound_anew_meanwhile_is_not_ended),
        MENDING_TEST(a_pair_bound_meanwhile_is_no_left_over),
        MENDING_TEST(an_account_cancelled_meanwhile_is_not_made_again),
        MENDING_TEST(written_down_twice_it_is_wished_once),
    };
    return cmocka_run_group_tests_name("mending held", tests, postgres_set_up, postgres_tear_down);
}
