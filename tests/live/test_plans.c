/* What the statements of bindings cost on large tables. A session's plans are kept until a table that they are about is
 * analyzed, which Postgres does by itself once a minute at most: so they may have been made while it was empty, and
 * must not read all of it even then. Postgres counts the rows and index entries that it reads. */
#include "sql/binding_names.h"
#include "sql/bindings.h"
#include "sql/outbox.h"
#include "sql/pairs.h"
#include "sql/taking.h"
#include "tests/live/live_postgres.h"

enum { ACCOUNTS = 3000, HUB_BINDINGS = 2500, BINDINGS = 20000, LIST = 10, PLENTY = 1000000, WAITING = 3000 };

static int64_t first, hub; /* ids: accounts, the last of which has HUB_BINDINGS */

/* Index entries and rows read since the last time, by the session that is tested. */
static int64_t count_reads(void)
{
    static int64_t before;
    assert_int_equal(pg_script(pg, "select pg_stat_force_next_flush()"), OK);
    assert_int_equal(pg_script(pg, "select 1"), OK); /* it is flushed at the end of the next */
    ask("select pg_stat_force_next_flush()");        /* what the test did itself is no more to come */
    ask("select pg_stat_clear_snapshot()");
    const int64_t now =
        ask("select (select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where schemaname = "
            "current_schema()) + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where "
            "schemaname = current_schema())");
    const int64_t reads = now - before;
    before = now;
    return reads;
}

static int64_t *some_peers(int64_t start)
{
    int64_t *peers = arena_array(arena, LIST, sizeof *peers);
    for (int64_t i = 0; i < LIST; i++)
        peers[i] = start + i;
    return peers;
}

/* --- the statements, each for LIST bindings of the hub */

static struct wish *wishes;
static size_t wish_count;
static bool bound; /* that is what was wished last */
static int64_t *peers;
static struct outbox_item *items;
static size_t item_count;

static void make_and_take(bool wanted)
{
    struct taking *taking = taking_new("here", 60000, LIST);
    bound = wanted;
    assert_int_equal(wanted ? bindings_want(pg, arena, hub, peers, LIST,
                                            &(struct want_terms){.agreed = true, .most = PLENTY, .taking = taking},
                                            &wishes, &wish_count)
                            : bindings_unwant(pg, arena, hub, peers, LIST, taking, &wishes, &wish_count),
                     OK);
    assert_int_equal(taking->count, LIST);
    items = arena_array(arena, LIST, sizeof *items);
    item_count = LIST;
    for (size_t i = 0; i < LIST; i++)
        items[i] = taking->taken[i].item;
    taking_free(&taking);
}

static void want(void)
{
    make_and_take(true);
}

static void unwant_and_take(void)
{
    make_and_take(false);
}

static void unwant(void)
{
    bound = false;
    assert_int_equal(bindings_unwant(pg, arena, hub, peers, LIST, NULL, &wishes, &wish_count), OK);
}

static void count_seen(void)
{
    size_t seen;
    assert_int_equal(bindings_count_seen(pg, arena, wishes, wish_count, &seen), OK);
}

static void find(void)
{
    bool found[LIST];
    assert_int_equal(bindings_find(pg, arena, hub, peers, LIST, found), OK);
}

static void take(void)
{
    const struct outbox_claim claim = {.owner = "here", .lease_ms = 60000, .most = LIST};
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &item_count), OK);
}

static void load(void)
{
    struct pair_load *loads = arena_array(arena, item_count, sizeof *loads);
    for (size_t i = 0; i < item_count; i++)
        loads[i] = (struct pair_load){.low = items[i].low,
                                      .high = items[i].high,
                                      .arena = arena,
                                      .pair = arena_alloc(arena, sizeof(struct pair))};
    assert_int_equal(pairs_load(pg, arena, loads, item_count), OK);
}

static void record(void)
{
    struct pair_done *done = arena_array(arena, item_count, sizeof *done);
    for (size_t i = 0; i < item_count; i++)
        done[i] = (struct pair_done){.item = &items[i],
                                     .version = items[i].version,
                                     .sights = {{bound, 3, "a", NULL, 0}, {bound, 3, "b", NULL, 0}}};
    assert_int_equal(pairs_record(pg, arena, done, item_count), OK);
}

static void rename_one(void)
{
    int64_t version;
    const struct rename rename = {.sets_nickname = true, .to.nickname = "name"};
    assert_int_equal(binding_names_set(pg, arena, hub, peers[0], &rename, &version), OK);
}

/* It was recorded already: so it comes again. */
static void done_with_one(void)
{
    assert_int_equal(outbox_done(pg, &items[0]), OK);
}

/* In this order each finds what the ones before have left. `most`: reads that one binding may cost. */
static const struct step {
    const char *name;
    void (*run)(void);
    int64_t most;
    bool by_plan; /* as long as Postgres takes the table for small it reads all of it */
} steps[] = {
    {"want", want, 20, false},
    {"count_seen", count_seen, 2, false},
    {"record", record, 25, false},
    {"find", find, 2, false},
    {"rename", rename_one, 2, false},
    {"unwant and take", unwant_and_take, 20, false},
    {"record the end", record, 25, true},
    {"want again", want, 20, false},
    {"record again", record, 25, false},
    {"unwant", unwant, 15, false},
    {"take again", take, 10, false},
    {"load again", load, 15, false},
    {"record the end", record, 25, true},
    {"done", done_with_one, 2, false},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void count_each_step(int64_t reads_r[STEPS])
{
    for (size_t i = 0; i < STEPS; i++) {
        (void)count_reads();
        steps[i].run();
        reads_r[i] = count_reads();
    }
}

static void fill(void)
{
    ask("insert into accounts (id, type, state, name, salt, jid_local) select n, 2, 1, 'n' || n, 'abcdefgh', 'j' || n "
        "from generate_series(%lld, %lld) n on conflict do nothing",
        (long long)first, (long long)hub);
    ask("insert into bindings (low, high, asked_by, wanted, version, seen_version) select n, %lld, n, true, n, n "
        "from generate_series(%lld, %lld) n",
        (long long)hub, (long long)first + LIST, (long long)first + LIST + HUB_BINDINGS - 1);
    ask("insert into bindings (low, high, asked_by, wanted, version, seen_version) "
        "select l, l + d, l, true, l, l from generate_series(%lld, %lld) l, generate_series(1, 10) d "
        "where l + d < %lld limit %d",
        (long long)first, (long long)hub, (long long)hub, BINDINGS);
    ask("insert into roster_seen (account_id, peer_id, subscription) select low, high, 3 from bindings union all "
        "select high, low, 3 from bindings");
    ask("insert into outbox (kind, low, version, due_at) select 4, n, n, now() + interval '1 hour' "
        "from generate_series(%lld, %lld) n",
        (long long)first, (long long)first + WAITING - 1);
}

/* Each step reads what it may for a binding, `others` besides, and what is counted of an account's bindings. */
static void expect_reads(const char *when, int64_t others)
{
    int64_t reads[STEPS];
    count_each_step(reads);
    for (size_t i = 0; i < STEPS; i++) {
        const int64_t most = steps[i].most * LIST + others + (steps[i].run == want ? HUB_BINDINGS : 0);
        if (reads[i] > most && (others == 0 || !steps[i].by_plan))
            fail_msg("%s, %s: %lld reads, %lld at most", when, steps[i].name, (long long)reads[i], (long long)most);
        if (getenv("TEST_VERBOSE") != NULL)
            print_message("%s, %s: %lld reads\n", when, steps[i].name, (long long)reads[i]);
    }
    ask("delete from outbox where kind = 3"); /* what the last step has made */
    ask("delete from bindings where not wanted");
}

static const char *const tables[] = {"accounts", "bindings", "roster_seen", "outbox", "asks", "bindings_ended"};
enum { TABLES = sizeof tables / sizeof tables[0] };

static void analyze(void)
{
    for (size_t i = 0; i < TABLES; i++)
        ask("vacuum analyze %s", tables[i]);
}

/* The first LIST accounts are bound to the hub each time; its other bindings are of those behind them. */
static void a_binding_reads_as_much_among_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < TABLES; i++)
        ask("alter table %s set (autovacuum_enabled = off)", tables[i]); /* the test does it, when it is time */
    first = active_account(ACCOUNT_DEVICE, "first");
    hub = first + ACCOUNTS;
    ask("insert into accounts (id, type, state, name, salt, jid_local) select n, 2, 1, 'n' || n, 'abcdefgh', 'j' || n "
        "from (select generate_series(%lld, %lld) n union select %lld) g on conflict do nothing",
        (long long)first, (long long)first + LIST, (long long)hub);
    peers = some_peers(first);
    expect_reads("on empty tables", 0);
    analyze();                             /* from here on they are known to be small */
    expect_reads("on small tables", 1000); /* all there is, if need be */
    fill();
    expect_reads("when they have grown", 4 * HUB_BINDINGS); /* of the account, but not of all of them */
    analyze();
    expect_reads("once they are analyzed", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(a_binding_reads_as_much_among_many),
    };
    return cmocka_run_group_tests_name("plans", tests, postgres_set_up, postgres_tear_down);
}
