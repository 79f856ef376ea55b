/* Pairs as jobs have them (sql/pairs.h): loaded with both sides, and what was seen of them written down. */
#include "sql/pairs.h"

#include "sql/bindings.h"
#include "sql/outbox.h"
#include "tests/live/live_postgres.h"

enum { MOST = 64, MANY = 20 };

static struct wish *wishes;
static size_t wish_count;

static void wish(bool wanted, int64_t asker, const int64_t *peers, size_t count)
{
    assert_int_equal(wanted ? bindings_want(pg, arena, asker, peers, count,
                                            &(struct want_terms){.agreed = true, .most = MOST}, &wishes, &wish_count)
                            : bindings_unwant(pg, arena, asker, peers, count, NULL, &wishes, &wish_count),
                     OK);
    assert_int_equal(wish_count, count);
}

static int64_t version_of(int64_t low, int64_t high)
{
    return ask("select version from bindings where low = %lld and high = %lld", (long long)low, (long long)high);
}

/* --- loading */

static void pairs_are_loaded_with_both_sides(void **state)
{
    (void)state;
    int64_t id[4];
    struct pair pairs[3];
    active_accounts(id, 4);
    wish(true, id[1], (int64_t[]){id[0], id[3]}, 2);
    wish(false, id[1], &id[3], 1);
    cancel_account(id[3], ACCOUNT_ACTIVE);
    struct pair_load loads[] = {{.low = id[1], .high = id[3], .arena = arena, .pair = &pairs[0]},
                                {.low = id[0], .high = id[2], .arena = arena, .pair = &pairs[1], .found = true},
                                {.low = id[0], .high = id[1], .arena = arena, .pair = &pairs[2]}};
    assert_int_equal(pairs_load(pg, arena, loads, 3), OK);
    assert_true(loads[0].found && !loads[1].found && loads[2].found);
    assert_false(pairs[0].wanted);
    assert_true(pairs[0].sides[0].id == id[1] && pairs[0].sides[1].id == id[3]);
    assert_int_equal(pairs[0].sides[1].state, ACCOUNT_CANCELLED); /* to be undone on the other side */
    assert_true(pairs[2].wanted && pairs[2].version == version_of(id[0], id[1]));
    assert_true(pairs[2].sides[0].id == id[0] && pairs[2].sides[1].id == id[1]);
    assert_string_equal(pairs[2].sides[1].name, "d1");
}

/* --- recording */

static const char *const groups[] = {"friends", "a \"b\", {c}"};

/* Takes what is due; as many as there are. */
static struct outbox_item *take(size_t expected)
{
    const struct outbox_claim claim = {.owner = "here", .lease_ms = 60000, .most = MOST};
    struct outbox_item *items;
    size_t count;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(count, expected);
    return items;
}

static struct pair_done done_of(const struct outbox_item *item, bool present)
{
    return (struct pair_done){
        .item = item,
        .version = version_of(item->low, item->high),
        .sights = {{present, 3, "his name", groups, 2}, {present, 1, "", NULL, 0}},
    };
}

/* Whether it was written down. */
static bool record(const struct pair_done *done)
{
    struct pair_done one = *done;
    assert_int_equal(pairs_record(pg, arena, &one, 1), OK);
    return one.recorded;
}

static size_t count_seen(void)
{
    size_t seen = 99;
    assert_int_equal(bindings_count_seen(pg, arena, wishes, wish_count, &seen), OK);
    return seen;
}

static void a_wish_is_seen_when_it_is_recorded(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wish(true, id[0], &id[1], 1);
    assert_int_equal(count_seen(), 0);
    const struct pair_done done = done_of(&take(1)[0], true);
    assert_true(record(&done));
    assert_int_equal(count_seen(), 1);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    assert_int_equal(ask("select count(*) from bindings where wanted and seen_version = version"), 1);
    assert_int_equal(ask("select count(*) from roster_seen where account_id = %lld and subscription = 3 and "
                         "nickname = 'his name' and groups = array['friends', 'a \"b\", {c}']",
                         (long long)id[0]),
                     1);
    assert_int_equal(ask("select count(*) from roster_seen where account_id = %lld and subscription = 1 and "
                         "nickname = '' and groups = '{}'",
                         (long long)id[1]),
                     1);
}

static void an_ended_binding_goes_when_it_is_recorded(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wish(true, id[0], &id[1], 1);
    const struct pair_done bound = done_of(&take(1)[0], true);
    assert_true(record(&bound));
    wish(false, id[1], &id[0], 1);
    const struct pair_done ended = done_of(&take(1)[0], false);
    assert_true(record(&ended));
    assert_int_equal(count_seen(), 1);
    assert_int_equal(ask("select count(*) from bindings") + ask("select count(*) from outbox"), 0);
    assert_int_equal(ask("select count(*) from roster_seen"), 0);
}

static void an_older_wish_settles_nothing_and_what_changed_comes_again(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wish(true, id[0], &id[1], 1);
    const struct pair_done bound = done_of(&take(1)[0], true);
    wish(false, id[0], &id[1], 1);
    assert_true(record(&bound));
    assert_int_equal(count_seen(), 0);
    assert_int_equal(ask("select count(*) from bindings where seen_version = 0 and not wanted"), 1);
    assert_int_equal(ask("select count(*) from roster_seen"), 2); /* as the server shows it now */
    const struct pair_done ended = done_of(&take(1)[0], false);
    assert_true(ended.item->version > bound.item->version);
    wish(true, id[0], &id[1], 1);
    assert_true(record(&ended)); /* too old to end it */
    assert_int_equal(ask("select count(*) from bindings where wanted"), 1);
    take(1);
}

static void who_lost_the_lease_writes_nothing(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    wish(true, id[0], &id[1], 1);
    const struct pair_done slow = done_of(&take(1)[0], false);
    ask("update outbox set due_at = now()");
    const struct pair_done quick = done_of(&take(1)[0], true);
    assert_false(record(&slow));
    assert_int_equal(ask("select count(*) from outbox where lease is not null"), 1);
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 0);
    assert_true(record(&quick));
    assert_false(record(&slow));
    assert_false(record(&quick)); /* the first answer was lost */
    assert_int_equal(ask("select count(*) from bindings where seen_version = version"), 1);
    assert_int_equal(ask("select count(*) from roster_seen"), 2);
}

static void many_are_recorded_at_once(void **state)
{
    (void)state;
    int64_t id[MANY + 1];
    struct pair_done done[MANY];
    active_accounts(id, MANY + 1);
    wish(true, id[MANY], id, MANY);
    wish(false, id[MANY], id, MANY / 2);
    const struct outbox_item *items = take(MANY);
    for (size_t i = 0; i < MANY; i++)
        done[i] = done_of(&items[i], items[i].low >= id[MANY / 2]);
    ask("update outbox set lease = lease + 1 where low = %lld", (long long)id[0]);
    assert_int_equal(pairs_record(pg, arena, done, MANY), OK);
    for (size_t i = 0; i < MANY; i++)
        assert_true(done[i].recorded == (done[i].item->low != id[0]));
    assert_int_equal(ask("select count(*) from bindings where wanted and seen_version = version"), MANY / 2);
    assert_int_equal(ask("select count(*) from bindings where not wanted"), 1);
    assert_int_equal(ask("select count(*) from outbox"), 1);
    assert_int_equal(ask("select count(*) from roster_seen"), MANY);
    assert_int_equal(pairs_record(pg, arena, done, 0), OK);
}

/* --- while others change the same rows */

struct finisher {
    struct pair_done done[MANY];
    size_t count;
    enum err err;
};

static void *finish(void *arg)
{
    struct finisher *finisher = arg;
    struct pg *session = pg_new_relaxed(&config);
    struct arena *own_arena = arena_new();
    finisher->err = pairs_record(session, own_arena, finisher->done, finisher->count);
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

/* A request has changed one pair and is about to change another; both are being recorded meanwhile. */
static void a_wish_that_is_just_changing_is_waited_for(void **state)
{
    (void)state;
    int64_t id[3];
    pthread_t thread;
    struct finisher finisher = {.count = 2};
    active_accounts(id, 3);
    wish(true, id[0], &id[1], 2);
    const struct outbox_item *items = take(2);
    for (size_t i = 0; i < 2; i++)
        finisher.done[i] = done_of(&items[i], true);
    assert_int_equal(pg_begin(pg), OK);
    wish(false, id[0], &id[2], 1);
    assert_int_equal(pthread_create(&thread, NULL, finish, &finisher), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(finisher.err, OK);
    assert_true(finisher.done[0].recorded && finisher.done[1].recorded);
    assert_int_equal(
        ask("select count(*) from bindings where wanted and seen_version = version and high = %lld", (long long)id[1]),
        1);
    assert_int_equal(ask("select count(*) from bindings where not wanted and high = %lld", (long long)id[2]), 1);
    assert_int_equal(take(1)->high, id[2]);
}

/* What is locked first decides who waits for whom: the other way round this would be a deadlock. */
static void recording_and_wishing_do_not_deadlock(void **state)
{
    (void)state;
    int64_t id[MANY + 1];
    active_accounts(id, MANY + 1);
    wish(true, id[MANY], id, MANY);
    for (int round = 0; round < 20; round++) {
        struct finisher finisher = {.count = MANY};
        pthread_t thread;
        const struct outbox_item *items = take(MANY);
        for (size_t i = 0; i < MANY; i++)
            finisher.done[MANY - 1 - i] = done_of(&items[i], round % 2 == 0);
        assert_int_equal(pthread_create(&thread, NULL, finish, &finisher), 0);
        wish(round % 2 != 0, id[MANY], id, MANY);
        pthread_join(thread, NULL);
        assert_int_equal(finisher.err, OK);
    }
}

/* --- lists */

static void a_list_holds_what_is_wanted_with_what_was_seen(void **state)
{
    (void)state;
    int64_t id[5];
    struct bound_peer *peers;
    size_t count;
    active_accounts(id, 5);
    wish(true, id[2], &id[4], 1);
    const struct pair_done done = done_of(&take(1)[0], true);
    assert_true(record(&done));
    wish(true, id[2], id, 2);
    wish(false, id[1], &id[2], 1); /* gone from the list as soon as it is committed */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(pairs_are_loaded_with_both_sides),
        SCHEMA_TEST(a_wish_is_seen_when_it_is_recorded),
        SCHEMA_TEST(an_ended_binding_goes_when_it_is_recorded),
        SCHEMA_TEST(an_older_wish_settles_nothing_and_what_changed_comes_again),
        SCHEMA_TEST(who_lost_the_lease_writes_nothing),
        SCHEMA_TEST(many_are_recorded_at_once),
        SCHEMA_TEST(a_wish_that_is_just_changing_is_waited_for),
        SCHEMA_TEST(recording_and_wishing_do_not_deadlock),
        SCHEMA_TEST(a_list_holds_what_is_wanted_with_what_was_seen),
    };
    return cmocka_run_group_tests_name("pairs", tests, postgres_set_up, postgres_tear_down);
}
