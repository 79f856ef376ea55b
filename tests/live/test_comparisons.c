/* What is expected of the server, what came of comparing, and who is compared at once after a lost link
 * (sql/comparisons.h); what of a difference still holds, and what is wished about it (sql/drift.h). */
#include "sql/comparisons.h"

#include "sql/bindings.h"
#include "sql/drift.h"
#include "sql/outbox.h"
#include "tests/live/live_postgres.h"

enum { MINUTE_MS = 60000, DAY_MS = 86400000, PEERS = 4 };

static int64_t me, peers[PEERS];
static struct expectation expectation;

/* A binding that both rosters were seen to show. */
static void settled(int64_t a, int64_t b)
{
    const long long low = a < b ? a : b, high = a < b ? b : a;
    ask("insert into bindings (low, high, asked_by, wanted, version, seen_version) select %lld, %lld, %lld, true, v, v "
        "from nextval('wish_version') v",
        low, high, low);
    ask("insert into roster_seen (account_id, peer_id, subscription, nickname) values (%lld, %lld, 3, 'N'), "
        "(%lld, %lld, 3, 'N')",
        low, high, high, low);
}

static void load(int64_t id)
{
    assert_int_equal(comparisons_load(pg, arena, id, DAY_MS, &expectation), OK);
}

static int64_t version_of(int64_t a, int64_t b)
{
    return ask("select version from bindings where low = %lld and high = %lld", (long long)(a < b ? a : b),
               (long long)(a < b ? b : a));
}

static bool waits(enum outbox_kind kind, int64_t low)
{
    return ask("select count(*) from outbox where kind = %d and low = %lld", (int)kind, (long long)low) > 0;
}

/* Of the bindings with the peers the second is ending, the third has a newer wish, the fourth is being worked on. */
static void some_pairs_change(void)
{
    ask("update bindings set wanted = false where %lld in (low, high)", (long long)peers[1]);
    ask("update bindings set version = nextval('wish_version') where %lld in (low, high)", (long long)peers[2]);
    ask("insert into outbox (kind, low, high, version) select 3, low, high, version from bindings where %lld in (low, "
        "high)",
        (long long)peers[3]);
}

/* --- what is expected */

static void an_active_account_is_expected_to_show_its_peers(void **state)
{
    (void)state;
    for (int i = 0; i < PEERS; i++)
        settled(me, peers[i]);
    ask("update accounts set nickname = 'Nick' where id = %lld", (long long)peers[0]);
    some_pairs_change();
    load(me);
    assert_int_equal(expectation.account.id, me);
    assert_false(expectation.forgotten || expectation.over);
    assert_int_equal(expectation.count, PEERS);
    for (int i = 0; i < PEERS; i++) {
        const struct expected_peer *peer = &expectation.peers[i];
        assert_int_equal(peer->account.id, peers[i]);
        assert_int_equal(peer->account.type, ACCOUNT_DEVICE);
        assert_string_equal(peer->account.name, arena_printf(arena, "d%d", i));
        assert_int_equal(strlen(peer->account.jid_local), 24);
        assert_int_equal(peer->version, version_of(me, peers[i]));
        assert_int_equal(peer->wanted, i != 1);
        assert_string_equal(peer->seen.nickname, "N");
        if (i != 1)
            assert_int_equal(peer->settled, i == 0); /* a newer wish; waiting */
    }
    assert_string_equal(expectation.peers[0].account.nickname, "Nick");
    load(peers[0]); /* the other side */
    assert_int_equal(expectation.count, 1);
    assert_int_equal(expectation.peers[0].account.id, me);
}

static void what_was_said_for_a_binding_is_of_the_side_that_shows_it(void **state)
{
    (void)state;
    settled(me, peers[0]);
    ask("update bindings set low_nickname = 'for low', high_groups = '{a,b}'");
    load(me); /* the lower one */
    assert_string_equal(expectation.peers[0].shown.nickname, "for low");
    assert_false(expectation.peers[0].shown.has_groups);
    load(peers[0]);
    assert_null(expectation.peers[0].shown.nickname);
    assert_int_equal(expectation.peers[0].shown.group_count, 2);
    assert_string_equal(expectation.peers[0].shown.groups[1], "b");
}

static void of_a_cancelled_account_nothing_is_expected_and_one_day_it_is_over(void **state)
{
    (void)state;
    settled(me, peers[0]);
    cancel_account(me, ACCOUNT_ACTIVE);
    load(me);
    assert_int_equal(expectation.account.state, ACCOUNT_CANCELLED);
    assert_int_equal(expectation.count, 0);
    assert_false(expectation.over);
    ask("update accounts set cancelled_at = now() - interval '25 hours' where id = %lld", (long long)me);
    load(me);
    assert_true(expectation.over);
    assert_int_equal(comparisons_load(pg, arena, pending_account(ACCOUNT_DEVICE, "p"), DAY_MS, &expectation),
                     ERR_NOT_FOUND);
    assert_int_equal(comparisons_load(pg, arena, 1, DAY_MS, &expectation), ERR_NOT_FOUND);
}

/* --- what came of it */

static void outcomes_are_noted_and_counted(void **state)
{
    (void)state;
    int64_t counts[OUTCOMES];
    assert_int_equal(comparisons_note_use(pg, peers[2], -1), OK);
    assert_int_equal(comparisons_note(pg, me, 0, OUTCOME_SAME, 0), OK);
    assert_int_equal(comparisons_note(pg, peers[0], 0, OUTCOME_HELD, 2), OK);
    assert_int_equal(comparisons_note(pg, peers[1], 0, OUTCOME_SAME, 0), OK);
    assert_int_equal(comparisons_note(pg, me, 0, OUTCOME_MENDED, 7), OK);
    assert_int_equal(comparisons_count(pg, counts), OK);
    static const int64_t wanted[OUTCOMES] = {2, 1, 1, 1, 0}; /* one has no row */
    assert_memory_equal(counts, wanted, sizeof wanted);
    assert_int_equal(ask("select drift from comparisons where account_id = %lld", (long long)me), 7);
    assert_int_equal(ask("select count(*) from comparisons where compared_at > now() - interval '1 minute'"), 3);
    assert_int_equal(comparisons_drop(pg, me), OK);
    assert_int_equal(ask("select count(*) from comparisons"), 3);
}

/* --- after a lost link */

static int64_t wish_recent(int64_t window_ms)
{
    int64_t count = -1;
    assert_int_equal(comparisons_wish_recent(pg, window_ms, &count), OK);
    return count;
}

static void long_ago(void)
{
    ask("update accounts set jid_checked_at = now() - interval '1 hour'");
    ask("update roster_seen set seen_at = now() - interval '1 hour'");
    ask("update bindings_ended set ended_at = now() - interval '1 hour'");
}

static void what_was_done_lately_is_compared_at_once(void **state)
{
    (void)state;
    settled(me, peers[0]);
    settled(peers[1], peers[2]);
    long_ago();
    assert_int_equal(wish_recent(MINUTE_MS), 0);
    ask("update roster_seen set seen_at = now() where account_id = %lld", (long long)me);
    assert_int_equal(wish_recent(MINUTE_MS), 1);
    assert_true(waits(OUTBOX_COMPARE, me));
    ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)peers[1], (long long)peers[3]);
    assert_int_equal(wish_recent(MINUTE_MS), 3);
    const int64_t made = active_account(ACCOUNT_DEVICE, "made");
    assert_int_equal(wish_recent(MINUTE_MS), 4);
    assert_true(waits(OUTBOX_COMPARE, made) && waits(OUTBOX_COMPARE, peers[1]) && waits(OUTBOX_COMPARE, peers[3]));
    assert_false(waits(OUTBOX_COMPARE, peers[0]) || waits(OUTBOX_COMPARE, peers[2]));
    cancel_account(peers[2], ACCOUNT_ACTIVE);
    assert_int_equal(accounts_set_jid_state(pg, peers[2], JID_ABSENT), OK); /* deleted */
    assert_int_equal(wish_recent(MINUTE_MS), 5);
    assert_true(waits(OUTBOX_COMPARE, peers[2]));
    assert_int_equal(wish_recent(2 * 60 * MINUTE_MS), PEERS + 2);
}

static void what_the_server_may_have_forgotten_is_marked_until_it_was_compared(void **state)
{
    (void)state;
    assert_int_equal(wish_recent(MINUTE_MS), PEERS + 1);
    load(me);
    assert_true(expectation.forgotten);
    const int64_t version = ask("select version from outbox where kind = 5 and low = %lld", (long long)me);
    wish_recent(MINUTE_MS); /* the link was lost again, while it was compared */
    assert_int_equal(comparisons_note(pg, me, version, OUTCOME_SAME, 0), OK);
    load(me);
    assert_true(expectation.forgotten);
    const int64_t newer = ask("select version from outbox where kind = 5 and low = %lld", (long long)me);
    assert_int_equal(comparisons_note(pg, me, newer, OUTCOME_SAME, 0), OK);
    load(me);
    assert_false(expectation.forgotten);
}

static struct outbox_item take_comparison(void)
{
    const struct outbox_claim claim = {
        .owner = "here", .lease_ms = MINUTE_MS, .register_wait_ms = MINUTE_MS, .most = 1, .compares_most = 1};
    struct outbox_item *items;
    size_t count;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].kind, OUTBOX_COMPARE);
    return items[0];
}

static void a_comparison_under_way_comes_again(void **state)
{
    (void)state;
    assert_int_equal(comparisons_wish(pg, me), OK);
    const struct outbox_item taken = take_comparison();
    wish_recent(MINUTE_MS);
    assert_int_equal(outbox_done(pg, &taken), OK);
    assert_true(waits(OUTBOX_COMPARE, me));
}

static bool waits_a_minute(void)
{
    return ask("select count(*) from outbox where kind = 5 and low = %lld and lease is null and "
               "due_at between now() + interval '50 seconds' and now() + interval '2 minutes'",
               (long long)me) == 1;
}

static void what_may_come_late_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(comparisons_wish(pg, me), OK);
    for (int i = 2; i >= 1; i--) { /* the second one is no reason to hurry */
        assert_int_equal(comparisons_wish_later(pg, me, i * MINUTE_MS), OK);
        assert_true(waits_a_minute());
    }
    load(me);
    assert_true(expectation.forgotten);
    settled(me, peers[0]);
    assert_int_equal(wish_recent(MINUTE_MS), PEERS + 1); /* but for a lost link: what is forgotten is forgotten now */
    assert_int_equal(
        ask("select count(*) from outbox where kind = 5 and low = %lld and due_at <= now()", (long long)me), 1);
}

/* Whatever it finds, what comes late may come after it. */
static void it_is_not_answered_by_a_comparison_that_is_under_way(void **state)
{
    (void)state;
    assert_int_equal(comparisons_wish(pg, me), OK);
    const struct outbox_item taken = take_comparison();
    assert_int_equal(comparisons_wish_later(pg, me, MINUTE_MS), OK);
    assert_int_equal(comparisons_note(pg, me, taken.version, OUTCOME_SAME, 0), OK);
    assert_int_equal(outbox_done(pg, &taken), OK);
    assert_true(waits_a_minute());
    assert_int_equal(outbox_retry(pg, &taken, 0, "timeout"), OK); /* or it fails */
    assert_int_equal(outbox_hurry(pg), OK);                       /* or the server is back */
    assert_true(waits_a_minute());
    assert_int_equal(ask("select count(*) from outbox"), 1);
    load(me);
    assert_true(expectation.forgotten);
}

static void the_latest_touch_is_found(void **state)
{
    (void)state;
    int64_t ms = -1;
    ask("update accounts set jid_checked_at = null");
    assert_int_equal(comparisons_latest_touch(pg, &ms), OK);
    assert_int_equal(ms, 0);
    settled(me, peers[0]);
    ask("update roster_seen set seen_at = now() - interval '3 minutes'");
    assert_int_equal(comparisons_latest_touch(pg, &ms), OK);
    assert_in_range(ms, 3 * MINUTE_MS, 4 * MINUTE_MS);
    ask("insert into bindings_ended (low, high, ended_at) values (%lld, %lld, now() - interval '1 minute')",
        (long long)me, (long long)peers[0]);
    assert_int_equal(comparisons_latest_touch(pg, &ms), OK);
    assert_in_range(ms, MINUTE_MS, 2 * MINUTE_MS);
    active_account(ACCOUNT_DEVICE, "made");
    assert_int_equal(comparisons_latest_touch(pg, &ms), OK);
    assert_in_range(ms, 0, MINUTE_MS / 2);
}

/* --- what holds, and what is wished */

static bool account_holds(int64_t id, enum account_state account_state)
{
    bool holds = false;
    assert_int_equal(drift_account_holds(pg, id, account_state, &holds), OK);
    return holds;
}

static void nothing_is_said_of_a_jid_that_somebody_works_on(void **state)
{
    (void)state;
    static const enum outbox_kind kinds[] = {OUTBOX_CREATE_JID, OUTBOX_DELETE_JID, OUTBOX_CHECK_JID};
    assert_true(account_holds(me, ACCOUNT_ACTIVE));
    assert_false(account_holds(me, ACCOUNT_CANCELLED));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(outbox_add(pg, kinds[i], me, NULL), OK);
        assert_false(account_holds(me, ACCOUNT_ACTIVE));
        ask("delete from outbox");
    }
    assert_int_equal(outbox_add(pg, OUTBOX_COMPARE, me, NULL), OK);
    assert_true(account_holds(me, ACCOUNT_ACTIVE));
    ask("update accounts set banned_at = now() where id = %lld", (long long)me);
    assert_false(account_holds(me, ACCOUNT_ACTIVE));
    ask("update accounts set banned_at = null where id = %lld", (long long)me);
    cancel_account(me, ACCOUNT_ACTIVE);
    assert_false(account_holds(me, ACCOUNT_ACTIVE));
    assert_true(account_holds(me, ACCOUNT_CANCELLED));
}

static struct compared_pair pairs[PEERS];

static void pairs_of_now(void)
{
    for (int i = 0; i < PEERS; i++)
        pairs[i] = (struct compared_pair){.peer = peers[i], .version = version_of(me, peers[i])};
}

/* Of pairs that were compared some have changed since; the newer wish was carried out already. */
static void pairs_changed_since(void)
{
    for (int i = 0; i < PEERS; i++)
        settled(me, peers[i]);
    pairs_of_now();
    some_pairs_change();
    ask("update bindings set seen_version = version where %lld in (low, high)", (long long)peers[2]);
}

static void only_pairs_that_are_as_compared_hold(void **state)
{
    (void)state;
    pairs_changed_since();
    assert_int_equal(drift_pairs_hold(pg, arena, me, pairs, PEERS), OK);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(pairs[i].holds, i == 0);
    assert_int_equal(drift_pairs_hold(pg, arena, me, NULL, 0), OK);
}

static void only_those_are_wished_anew(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        int64_t changed = -1;
        ask("delete from outbox");
        ask("delete from roster_seen");
        ask("delete from bindings");
        pairs_changed_since();
        assert_int_equal(drift_wish_pairs(pg, arena, me, pairs, PEERS, wanted > 0, &changed), OK);
        assert_int_equal(changed, 1);
        assert_int_equal(ask("select wanted::int from bindings where high = %lld", (long long)peers[0]), wanted);
        assert_true(version_of(me, peers[0]) > pairs[0].version);
        assert_int_equal(
            ask("select count(*) from outbox o join bindings b using (low, high, version) where o.kind = 3 "
                "and high = %lld",
                (long long)peers[0]),
            1);
        assert_int_equal(ask("select count(*) from outbox"), 2);
    }
}

static void *wish_pair(void *arg)
{
    int64_t changed = -1;
    struct pg *mine = pg_new(&config);
    struct arena *own_arena = arena_new();
    assert_int_equal(pg_begin(mine), OK);
    assert_int_equal(drift_wish_pairs(mine, own_arena, me, pairs, 1, false, &changed), OK);
    assert_int_equal(pg_commit(mine), OK);
    *(int64_t *)arg = changed;
    arena_free(&own_arena);
    pg_free(&mine);
    return NULL;
}

static void a_wish_that_is_just_being_made_stands(void **state)
{
    (void)state;
    int64_t changed = -1;
    pthread_t thread;
    settled(me, peers[0]);
    pairs_of_now();
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(bindings_reaffirm_all(pg, me), OK);
    assert_int_equal(pthread_create(&thread, NULL, wish_pair, &changed), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(changed, 0);
    assert_int_equal(ask("select wanted::int from bindings"), 1);
}

static const char *local_of(int64_t id)
{
    struct account account;
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    return account.jid_local;
}

static void left_overs_are_of_cancelled_accounts_and_of_ended_bindings(void **state)
{
    (void)state;
    const char *locals[PEERS + 2];
    int64_t *ids;
    size_t count;
    for (int i = 0; i < PEERS; i++)
        locals[i] = local_of(peers[i]);
    locals[PEERS] = "admin"; /* none of ours */
    locals[PEERS + 1] = local_of(me);
    settled(me, peers[0]);
    cancel_account(peers[1], ACCOUNT_ACTIVE);
    ask("insert into bindings_ended (low, high) values (%lld, %lld)", (long long)me, (long long)peers[2]);
    assert_int_equal(drift_left_overs(pg, arena, me, locals, PEERS + 2, &ids, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(ids[0], peers[1]);
    assert_int_equal(ids[1], peers[2]);
    settled(me, peers[2]); /* bound again, since */
    assert_int_equal(drift_left_overs(pg, arena, me, locals, PEERS + 2, &ids, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(drift_left_overs(pg, arena, me, NULL, 0, &ids, &count), OK);
    assert_int_equal(count, 0);
}

static void removals_are_wished_unless_there_is_a_binding_by_now(void **state)
{
    (void)state;
    settled(me, peers[1]);
    assert_int_equal(drift_wish_removals(pg, arena, me, peers, 2), OK);
    assert_int_equal(ask("select count(*) from bindings where not wanted and high = %lld", (long long)peers[0]), 1);
    assert_int_equal(ask("select count(*) from bindings where wanted and high = %lld", (long long)peers[1]), 1);
    assert_int_equal(ask("select count(*) from outbox where kind = 3"), 1);
}

static void a_user_s_name_becomes_the_binding_s_on_his_side(void **state)
{
    (void)state;
    static const char *const groups[] = {"g", "h, \"i\""};
    const struct rename rename = {.sets_nickname = true,
                                  .sets_groups = true,
                                  .to = {.nickname = "Mine", .has_groups = true, .groups = groups, .group_count = 2}};
    settled(me, peers[0]);
    pairs_of_now();
    const struct compared_pair from_high = {.peer = me, .version = pairs[0].version};
    assert_int_equal(drift_take_over(pg, arena, peers[0], &from_high, &rename), OK);
    assert_int_equal(ask("select count(*) from bindings where high_nickname = 'Mine' and high_groups[2] = 'h, \"i\"' "
                         "and low_nickname is null and low_groups is null and version = %lld",
                         (long long)pairs[0].version),
                     1);
    assert_int_equal(
        ask("select count(*) from roster_seen where nickname = 'Mine' and account_id = %lld", (long long)peers[0]), 1);
    assert_int_equal(ask("select count(*) from roster_seen where nickname = 'Mine'"), 1);
    assert_int_equal(ask("select count(*) from outbox"), 0); /* the server shows it so */
    ask("update bindings set version = nextval('wish_version')");
    assert_int_equal(drift_take_over(pg, arena, me, &pairs[0], &rename), OK); /* it changed meanwhile */
    assert_int_equal(ask("select count(*) from bindings where low_nickname is not null"), 0);
}

static void what_ended_is_forgotten_one_day(void **state)
{
    (void)state;
    int64_t count = -1;
    for (int i = 0; i < PEERS; i++)
        ask("insert into bindings_ended (low, high, ended_at) values (%lld, %lld, now() - interval '%d hours')",
            (long long)me, (long long)peers[i], 12 * i);
    assert_int_equal(drift_forget_ended(pg, DAY_MS, 10, &count), OK);
    assert_int_equal(count, 2);
    ask("update bindings_ended set ended_at = now() - interval '2 days'");
    assert_int_equal(drift_forget_ended(pg, DAY_MS, 1, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(ask("select count(*) from bindings_ended"), 1);
}

static int set_up(void **state)
{
    const int failed = schema_set_up(state);
    if (failed != 0)
        return failed;
    me = active_account(ACCOUNT_PHONE, "+8613800000000");
    active_accounts(peers, PEERS);
    return 0;
}

#define COMPARISON_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, schema_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMPARISON_TEST(an_active_account_is_expected_to_show_its_peers),
        COMPARISON_TEST(what_was_said_for_a_binding_is_of_the_side_that_shows_it),
        COMPARISON_TEST(of_a_cancelled_account_nothing_is_expected_and_one_day_it_is_over),
        COMPARISON_TEST(outcomes_are_noted_and_counted),
        COMPARISON_TEST(what_was_done_lately_is_compared_at_once),
        COMPARISON_TEST(what_the_server_may_have_forgotten_is_marked_until_it_was_compared),
        COMPARISON_TEST(a_comparison_under_way_comes_again),
        COMPARISON_TEST(what_may_come_late_is_waited_for),
        COMPARISON_TEST(it_is_not_answered_by_a_comparison_that_is_under_way),
        COMPARISON_TEST(the_latest_touch_is_found),
        COMPARISON_TEST(nothing_is_said_of_a_jid_that_somebody_works_on),
        COMPARISON_TEST(only_pairs_that_are_as_compared_hold),
        COMPARISON_TEST(only_those_are_wished_anew),
        COMPARISON_TEST(a_wish_that_is_just_being_made_stands),
        COMPARISON_TEST(left_overs_are_of_cancelled_accounts_and_of_ended_bindings),
        COMPARISON_TEST(removals_are_wished_unless_there_is_a_binding_by_now),
        COMPARISON_TEST(a_user_s_name_becomes_the_binding_s_on_his_side),
        COMPARISON_TEST(what_ended_is_forgotten_one_day),
    };
    return cmocka_run_group_tests_name("comparisons", tests, postgres_set_up, postgres_tear_down);
}
