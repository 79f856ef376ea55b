/* What the tests of mending share (component/jobs/mending.c): an account with peers, the errand that compares it in
 * single steps, and what the server shows of it, which is made up here. What a real server does is tested in
 * tests/e2e/. */
#ifndef TESTS_LIVE_MENDING_FIXTURE_H
#define TESTS_LIVE_MENDING_FIXTURE_H

#include "component/jobs/comparison.h"

#include "component/service/services.h"
#include "sql/bindings.h"
#include "sql/pg.h"
#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600000, DAY_MS = 86400000, PEERS = 3 };

static struct services services = {.settings = {.owner = "here", .xmpp_domain = "example.org", .country = 86}};
static struct jobs_config jobs;
static int64_t me, peers[PEERS];
static struct errand *errand;
static struct roster_item seen[PEERS + 4];
static size_t seen_count;
static const char *const no_groups[1];

static inline const char *jid_of(int64_t id)
{
    struct account account;
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    return arena_printf(arena, "%s@example.org", account.jid_local);
}

/* The roster as the server shows it: my peers as d0, d1, d2. */
static inline void shows(int64_t id, enum xmpp_subscription subscription, const char *name)
{
    seen[seen_count++] =
        (struct roster_item){.jid = jid_of(id), .subscription = subscription, .name = name, .groups = no_groups};
}

static inline void shows_all(void)
{
    seen_count = 0;
    for (int i = 0; i < PEERS; i++)
        shows(peers[i], XMPP_BOTH, arena_printf(arena, "d%d", i));
}

static inline int64_t pair_column(const char *column, int64_t peer)
{
    return ask("select %s from bindings where low = %lld and high = %lld", column, (long long)me, (long long)peer);
}

static inline bool waits(enum outbox_kind kind, int64_t low, int64_t high)
{
    return ask("select count(*) from outbox where kind = %d and low = %lld and high = %lld", (int)kind, (long long)low,
               (long long)high) > 0;
}

/* --- the steps of the errand */

/* The one that is due is taken, and loaded. */
static inline void take_one(void)
{
    const struct outbox_claim claim = {
        .owner = "here", .lease_ms = HOUR_MS, .register_wait_ms = HOUR_MS, .most = 1, .compares_most = 1};
    struct outbox_item *items;
    size_t count;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(count, 1);
    errand = arena_alloc(arena, sizeof *errand);
    *errand = (struct errand){.config = &jobs, .arena = arena, .item = items[0]};
    errands_load(pg, errand);
}

static inline void load(int64_t id)
{
    assert_int_equal(comparisons_wish(pg, id), OK);
    ask("update outbox set due_at = now() + interval '1 day' where kind <> 5");
    take_one();
    assert_int_equal(errand->result, OK);
}

/* As errand_compare.c has it from the server. */
static inline void look(bool there)
{
    struct comparison *comparison = errand->comparison;
    comparison->there = comparison->read = there;
    comparison->roster = (struct roster){.items = seen, .count = seen_count};
    if (!there || errand->account.state != ACCOUNT_ACTIVE)
        return;
    compare_roster(arena, comparison->items, comparison->expectation.count, &comparison->roster, "example.org",
                   &comparison->differences, &comparison->difference_count);
    comparison->peer_sights = arena_array(arena, PEERS, sizeof *comparison->peer_sights);
    for (size_t i = 0; i < comparison->expectation.count; i++)
        comparison->peer_sights[i] = PEER_THERE;
}

static inline enum outcome record(void)
{
    assert_int_equal(errand_mend(pg, errand), OK);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(errand_record(pg, errand), OK);
    assert_int_equal(pg_commit(pg), OK);
    return (enum outcome)ask("select outcome from comparisons where account_id = %lld", (long long)errand->account.id);
}

static inline enum outcome compare(int64_t id, bool there)
{
    load(id);
    look(there);
    return record();
}

static inline enum brake brake_now(void)
{
    enum brake brake = BRAKE_LET_GO;
    assert_int_equal(brake_get(pg, &brake), OK);
    return brake;
}

static inline void put_brake_on(void)
{
    ask("update reconcile_brake set braked_at = now()");
}

/* --- wishes */

static inline void wish(bool wanted, int64_t peer)
{
    struct wish *wishes;
    size_t count;
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = wanted ? bindings_want(pg, arena, me, &peer, 1,
                                                &(struct want_terms){.agreed = true, .most = 10}, &wishes, &count)
                                : bindings_unwant(pg, arena, me, &peer, 1, NULL, &wishes, &count);
    assert_int_equal(err, OK);
    assert_int_equal(count, 1);
    assert_int_equal(pg_commit(pg), OK);
}

/* The pair's errand has been there, too. */
static inline void settle_all(void)
{
    ask("delete from outbox where kind = 3");
    ask("delete from bindings where not wanted");
    ask("update bindings set seen_version = version");
}

static inline int set_up(void **state)
{
    jobs = (struct jobs_config){.services = &services,
                                .lease_ms = HOUR_MS,
                                .backoff_ms = 1,
                                .backoff_max_ms = 1,
                                .reconcile = {.remember_ms = DAY_MS, .brake = {.accounts = 100, .window_ms = HOUR_MS}}};
    const int failed = schema_set_up(state);
    if (failed != 0)
        return failed;
    me = active_account(ACCOUNT_PHONE, "+8613800000000");
    active_accounts(peers, PEERS);
    for (int i = 0; i < PEERS; i++) {
        wish(true, peers[i]);
        ask("insert into roster_seen (account_id, peer_id, subscription, nickname) values (%lld, %lld, 3, 'd%d')",
            (long long)me, (long long)peers[i], i);
    }
    settle_all();
    shows_all();
    return 0;
}

#define MENDING_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, schema_tear_down)

#endif
