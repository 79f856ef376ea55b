/* Bindings (sql/bindings.h): wishes and their versions, what rosters were seen to show, lists. */
#include "sql/bindings.h"

#include "tests/live/live_postgres.h"

enum { CROWD = 6, ROUNDS = 15 };

typedef enum err (*wish_fn)(struct pg *, struct arena *, int64_t, const int64_t *, size_t, struct wish **, size_t *);

static struct wish *wishes;
static size_t wish_count;

/* Commits a wish of `asker` about the peers; how many took effect comes out. */
static size_t wished(wish_fn make, int64_t asker, const int64_t *peers, size_t count)
{
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(make(pg, arena, asker, peers, count, &wishes, &wish_count), OK);
    assert_int_equal(pg_commit(pg), OK);
    return wish_count;
}

static int64_t version_of(int64_t low, int64_t high)
{
    return ask("select version from bindings where low = %lld and high = %lld", (long long)low, (long long)high);
}

static bool due(int64_t low, int64_t high, int64_t version)
{
    return ask("select count(*) from outbox where kind = 3 and low = %lld and high = %lld and version = %lld and "
               "due_at <= now()",
               (long long)low, (long long)high, (long long)version) == 1;
}

/* --- wishes */

static void a_wish_is_made_once(void **state)
{
    (void)state;
    int64_t id[3];
    active_accounts(id, 3);
    const int64_t peers[] = {id[2], id[0]};
    assert_int_equal(wished(bindings_want, id[1], peers, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(wishes[i].low < wishes[i].high);
        assert_true(wishes[i].version == version_of(wishes[i].low, wishes[i].high));
        assert_true(due(wishes[i].low, wishes[i].high, wishes[i].version));
    }
    const int64_t before = version_of(id[0], id[1]);
    assert_int_equal(wished(bindings_want, id[1], peers, 2), 0);
    assert_int_equal(wished(bindings_want, id[0], &id[1], 1), 0); /* from the other side, too */
    assert_true(version_of(id[0], id[1]) == before);
    assert_int_equal(ask("select count(*) from bindings"), 2);
    assert_int_equal(ask("select count(*) from outbox"), 2);
}

static void only_what_changes_comes_out(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 4);
    assert_int_equal(wished(bindings_want, id[0], &id[2], 1), 1);
    assert_int_equal(wished(bindings_want, id[0], &id[1], 3), 2);
    for (size_t i = 0; i < wish_count; i++)
        assert_true(wishes[i].high != id[2]);
    assert_int_equal(wished(bindings_unwant, id[3], id, 3), 1);
    assert_true(wishes[0].low == id[0] && wishes[0].high == id[3]);
}

static void each_turn_is_a_newer_version(void **state)
{
    (void)state;
    int64_t id[2], last = 0;
    active_accounts(id, 2);
    assert_int_equal(wished(bindings_unwant, id[0], &id[1], 1), 0); /* nothing is there to end */
    assert_int_equal(ask("select count(*) from outbox"), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(wished(i % 2 == 0 ? bindings_want : bindings_unwant, id[i % 2], &id[1 - i % 2], 1), 1);
        assert_true(wishes[0].version > last);
        last = wishes[0].version;
        assert_true(due(id[0], id[1], last));
    }
    assert_int_equal(ask("select count(*) from outbox"), 1);
    assert_int_equal(wished(bindings_unwant, id[0], &id[1], 1), 0);
}

static void a_rolled_back_wish_leaves_nothing_to_do(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(bindings_want(pg, arena, id[0], &id[1], 1, &wishes, &wish_count), OK);
    pg_rollback(pg);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void a_cancel_ends_all_of_an_account_and_no_more(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 4);
    wished(bindings_want, id[1], (int64_t[]){id[0], id[2], id[3]}, 3);
    wished(bindings_want, id[2], &id[3], 1);
    ask("delete from outbox");
    assert_int_equal(bindings_unwant_all(pg, id[1]), OK);
    assert_int_equal(ask("select count(*) from bindings where not wanted"), 3);
    assert_int_equal(ask("select count(*) from outbox join bindings using (low, high, version) where kind = 3"), 3);
    assert_int_equal(bindings_unwant_all(pg, id[1]), OK);
    assert_int_equal(ask("select count(*) from outbox"), 3);
}

static void a_lost_roster_is_wished_anew(void **state)
{
    (void)state;
    int64_t id[3];
    active_accounts(id, 3);
    wished(bindings_want, id[0], &id[1], 2);
    const int64_t before = version_of(id[0], id[1]);
    ask("delete from outbox");
    assert_int_equal(bindings_reaffirm_all(pg, id[1]), OK);
    assert_true(version_of(id[0], id[1]) > before);
    assert_true(due(id[0], id[1], version_of(id[0], id[1])));
    assert_int_equal(ask("select count(*) from outbox"), 1);
}

static void an_account_can_be_full(void **state)
{
    (void)state;
    int64_t id[4];
    bool full = true;
    active_accounts(id, 4);
    wished(bindings_want, id[1], (int64_t[]){id[0], id[2]}, 2);
    assert_int_equal(bindings_full(pg, arena, id, 4, 3, &full), OK);
    assert_false(full);
    assert_int_equal(bindings_full(pg, arena, id, 4, 2, &full), OK);
    assert_true(full);
    assert_int_equal(bindings_full(pg, arena, id, 1, 2, &full), OK);
    assert_false(full); /* id[0] has one */
    wished(bindings_unwant, id[1], &id[0], 1);
    assert_int_equal(bindings_full(pg, arena, id, 4, 2, &full), OK);
    assert_false(full); /* what is to end does not count */
}

/* --- lists that cross, from many at once */

struct member {
    const int64_t *ids;
    size_t own;
    int deadlocks, failures;
};

static enum err turn(struct pg *session, struct arena *own_arena, const struct member *member, wish_fn make)
{
    int64_t peers[CROWD - 1];
    struct wish *made;
    size_t count = 0;
    for (size_t i = 0; i < CROWD - 1; i++) /* each in an order of its own */
        peers[i] = member->ids[(member->own + 1 + (member->own % 2 == 0 ? i : CROWD - 2 - i)) % CROWD];
    enum err err = pg_begin(session);
    if (err == OK)
        err = make(session, own_arena, member->ids[member->own], peers, CROWD - 1, &made, &count);
    if (err == OK)
        return pg_commit(session);
    pg_rollback(session);
    return err;
}

static void *bind_and_unbind(void *arg)
{
    struct member *member = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    for (int i = 0; i < ROUNDS; i++) {
        const enum err err = turn(session, own_arena, member, i % 2 == 0 ? bindings_want : bindings_unwant);
        member->deadlocks += err == ERR_BUSY;
        member->failures += err != OK && err != ERR_BUSY;
    }
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

static void lists_that_cross_do_not_deadlock(void **state)
{
    (void)state;
    int64_t ids[CROWD];
    struct member members[CROWD];
    pthread_t threads[CROWD];
    active_accounts(ids, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        members[i] = (struct member){.ids = ids, .own = i};
        assert_int_equal(pthread_create(&threads[i], NULL, bind_and_unbind, &members[i]), 0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(members[i].failures, 0);
        assert_int_equal(members[i].deadlocks, 0);
    }
    assert_int_equal(ask("select count(*) from bindings"), CROWD * (CROWD - 1) / 2);
    assert_int_equal(ask("select count(*) from bindings b join outbox o using (low, high) where b.version = o.version"),
                     CROWD * (CROWD - 1) / 2);
}

/* --- what the server was seen to show */

static const char *const groups[] = {"friends", "a \"b\", {c}"};

static void see_both(int64_t low, int64_t high, int64_t version, bool present)
{
    const struct roster_sight lows = {present, 3, "his name", groups, 2}, highs = {present, 1, "", NULL, 0};
    const struct roster_sight *const sights[2] = {&lows, &highs};
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(bindings_saw(pg, arena, low, high, sights), OK);
    assert_int_equal(bindings_settle(pg, low, high, version), OK);
    assert_int_equal(pg_commit(pg), OK);
}

static size_t count_seen(void)
{
    size_t seen = 99;
    assert_int_equal(bindings_count_seen(pg, arena, wishes, wish_count, &seen), OK);
    return seen;
}

static void a_wish_is_seen_when_its_version_is(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wished(bindings_want, id[0], &id[1], 1);
    const int64_t first = wishes[0].version;
    assert_int_equal(count_seen(), 0);
    wished(bindings_unwant, id[0], &id[1], 1);
    wished(bindings_want, id[0], &id[1], 1);
    see_both(id[0], id[1], first, true); /* a late finisher of the first wish */
    assert_int_equal(count_seen(), 0);
    see_both(id[0], id[1], wishes[0].version, true);
    assert_int_equal(count_seen(), 1);
}

static void an_ended_binding_goes_when_it_is_seen(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wished(bindings_want, id[0], &id[1], 1);
    const int64_t bound = wishes[0].version;
    see_both(id[0], id[1], bound, true);
    wished(bindings_unwant, id[1], &id[0], 1);
    see_both(id[0], id[1], bound, true); /* too old to end it */
    assert_int_equal(count_seen(), 0);
    assert_int_equal(ask("select count(*) from bindings"), 1);
    see_both(id[0], id[1], wishes[0].version, false);
    assert_int_equal(count_seen(), 1);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(ask("select count(*) from roster_seen"), 0);
}

static void a_list_holds_what_is_wanted_with_what_was_seen(void **state)
{
    (void)state;
    int64_t id[5];
    struct bound_peer *peers;
    size_t count;
    active_accounts(id, 5);
    wished(bindings_want, id[2], (int64_t[]){id[4], id[0], id[1]}, 3);
    see_both(id[2], id[4], version_of(id[2], id[4]), true);
    wished(bindings_unwant, id[1], &id[2], 1); /* gone from the list as soon as it is committed */
    assert_int_equal(bindings_list(pg, arena, id[2], &peers, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(peers[0].peer.id, id[0]);
    assert_string_equal(peers[0].peer.name, "d0");
    assert_false(peers[0].seen);
    assert_int_equal(peers[0].subscription, 0);
    assert_string_equal(peers[0].nickname, "");
    assert_int_equal(peers[0].group_count, 0);
    assert_int_equal(peers[1].peer.id, id[4]);
    assert_true(peers[1].seen);
    assert_int_equal(peers[1].subscription, 3);
    assert_string_equal(peers[1].nickname, "his name");
    assert_int_equal(peers[1].group_count, 2);
    assert_string_equal(peers[1].groups[0], groups[0]);
    assert_string_equal(peers[1].groups[1], groups[1]);
    assert_int_equal(bindings_list(pg, arena, id[4], &peers, &count), OK); /* the other side */
    assert_int_equal(count, 1);
    assert_int_equal(peers[0].peer.id, id[2]);
    assert_int_equal(peers[0].subscription, 1);
    assert_int_equal(bindings_list(pg, arena, id[3], &peers, &count), OK);
    assert_int_equal(count, 0);
}

static void a_sight_that_was_not_had_leaves_what_was_noted(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wished(bindings_want, id[0], &id[1], 1);
    see_both(id[0], id[1], wishes[0].version, true);
    const struct roster_sight gone = {.present = false};
    assert_int_equal(bindings_saw(pg, arena, id[0], id[1], (const struct roster_sight *[2]){NULL, &gone}), OK);
    assert_int_equal(ask("select account_id from roster_seen"), id[0]);
}

static void a_pair_is_loaded_with_both_sides(void **state)
{
    (void)state;
    int64_t id[2];
    struct pair pair;
    active_accounts(id, 2);
    assert_int_equal(bindings_load(pg, arena, id[0], id[1], &pair), ERR_NOT_FOUND);
    wished(bindings_want, id[1], &id[0], 1);
    assert_int_equal(bindings_load(pg, arena, id[0], id[1], &pair), OK);
    assert_true(pair.wanted && pair.version == wishes[0].version);
    assert_true(pair.sides[0].id == id[0] && pair.sides[1].id == id[1]);
    cancel_account(id[1], ACCOUNT_ACTIVE);
    assert_int_equal(bindings_load(pg, arena, id[0], id[1], &pair), OK); /* to be undone on the other side */
    assert_int_equal(pair.sides[1].state, ACCOUNT_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(a_wish_is_made_once),
        SCHEMA_TEST(only_what_changes_comes_out),
        SCHEMA_TEST(each_turn_is_a_newer_version),
        SCHEMA_TEST(a_rolled_back_wish_leaves_nothing_to_do),
        SCHEMA_TEST(a_cancel_ends_all_of_an_account_and_no_more),
        SCHEMA_TEST(a_lost_roster_is_wished_anew),
        SCHEMA_TEST(an_account_can_be_full),
        SCHEMA_TEST(lists_that_cross_do_not_deadlock),
        SCHEMA_TEST(a_wish_is_seen_when_its_version_is),
        SCHEMA_TEST(an_ended_binding_goes_when_it_is_seen),
        SCHEMA_TEST(a_list_holds_what_is_wanted_with_what_was_seen),
        SCHEMA_TEST(a_sight_that_was_not_had_leaves_what_was_noted),
        SCHEMA_TEST(a_pair_is_loaded_with_both_sides),
    };
    return cmocka_run_group_tests_name("bindings", tests, postgres_set_up, postgres_tear_down);
}
