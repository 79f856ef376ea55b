/* Wishes that are taken from the outbox as they are made (sql/taking.h). */
#include "sql/taking.h"

#include "sql/bindings.h"
#include "sql/instances.h"
#include "tests/live/live_postgres.h"

enum { MOST = 8 };

static struct taking *taking;
static struct wish *wishes;
static size_t wish_count;
static int64_t id[4];

/* The accounts, and nothing taken yet. */
static void begin(void)
{
    active_accounts(id, 4);
    taking = taking_new("here", 60000, MOST);
}

static void wish(bool wanted, int64_t asker, const int64_t *peers, size_t count, struct taking *by)
{
    assert_int_equal(wanted ? bindings_want(pg, arena, asker, peers, count,
                                            &(struct want_terms){.agreed = true, .most = MOST, .taking = by}, &wishes,
                                            &wish_count)
                            : bindings_unwant(pg, arena, asker, peers, count, by, &wishes, &wish_count),
                     OK);
    assert_int_equal(wish_count, count);
}

static struct outbox_item *take_due(size_t expected, int64_t *lost)
{
    const struct outbox_claim claim = {.owner = "here", .lease_ms = 60000, .most = MOST, .lost = lost};
    struct outbox_item *items;
    size_t count;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(count, expected);
    return items;
}

static bool recorded(const struct taken *taken)
{
    struct pair_done done = {.item = &taken->item, .version = taken->pair.version};
    assert_int_equal(pairs_record(pg, arena, &done, 1), OK);
    return done.recorded;
}

static void wishes_are_taken_with_both_sides(void **state)
{
    (void)state;
    begin();
    wish(true, id[1], (int64_t[]){id[2], id[0]}, 2, taking);
    assert_int_equal(taking->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct taken *taken = &taking->taken[i];
        const struct outbox_item *item = &taken->item;
        assert_true(taken->pair.wanted && taken->pair.version == item->version);
        assert_true(taken->pair.sides[0].id == item->low && taken->pair.sides[1].id == item->high);
        assert_string_equal(taken->pair.sides[item->low == id[1] ? 0 : 1].name, "d1");
        assert_true(taken->pair.shown[0].nickname == NULL && !taken->pair.shown[1].has_groups);
        assert_true(item->kind == OUTBOX_PAIR && item->attempts == 1 && !item->contested);
        assert_int_equal(ask("select count(*) from outbox join bindings using (low, high, version) "
                             "where id = %lld and lease = %lld and lease_owner = 'here' and attempts = 1 "
                             "and low = %lld and due_at between now() + interval '50 s' and now() + interval '60 s'",
                             (long long)item->id, (long long)item->lease, (long long)item->low),
                         1);
    }
    (void)take_due(0, NULL);
    assert_true(recorded(&taking->taken[0]) && recorded(&taking->taken[1]));
    assert_int_equal(ask("select count(*) from outbox"), 0);
    taking_free(&taking);
}

static void an_end_is_taken_too(void **state)
{
    (void)state;
    begin();
    wish(true, id[0], &id[1], 3, NULL);
    assert_int_equal(ask("select count(*) from outbox where lease is null and attempts = 0 and due_at <= now()"), 3);
    wish(false, id[0], &id[2], 1, taking);
    assert_int_equal(taking->count, 1);
    assert_false(taking->taken[0].pair.wanted);
    assert_true(taking->taken[0].pair.sides[1].id == id[2]);
    assert_true(recorded(&taking->taken[0]));
    assert_int_equal(ask("select count(*) from bindings"), 2);
    (void)take_due(2, NULL);
    taking_free(&taking);
}

/* He finds the newer version when he is done. */
static void a_pair_that_somebody_is_at_stays_his(void **state)
{
    (void)state;
    begin();
    wish(true, id[0], &id[1], 1, NULL);
    const struct outbox_item *item = take_due(1, NULL);
    wish(false, id[0], &id[1], 1, taking);
    assert_int_equal(taking->count, 0);
    assert_int_equal(ask("select count(*) from outbox where lease = %lld and version = %lld", (long long)item->lease,
                         (long long)wishes[0].version),
                     1);
    assert_int_equal(outbox_done(pg, item), OK);
    assert_true(take_due(1, NULL)->version == wishes[0].version);
    taking_free(&taking);
}

static void what_waits_for_another_attempt_is_taken_anew(void **state)
{
    (void)state;
    begin();
    wish(true, id[0], &id[1], 1, NULL);
    const struct outbox_item *item = take_due(1, NULL);
    assert_int_equal(outbox_retry(pg, item, 60000, "conflict"), OK);
    wish(false, id[0], &id[1], 1, taking);
    assert_int_equal(taking->count, 1);
    assert_int_equal(ask("select count(*) from outbox where attempts = 1 and last_error is null and lease = %lld",
                         (long long)taking->lease),
                     1);
    taking_free(&taking);
}

static void a_taking_is_rolled_back_with_its_wishes(void **state)
{
    (void)state;
    begin();
    assert_int_equal(pg_begin(pg), OK);
    wish(true, id[0], &id[1], 2, taking);
    assert_int_equal(taking->count, 2);
    pg_rollback(pg);
    taking_clear(taking);
    assert_int_equal(ask("select count(*) from outbox"), 0);
    wish(true, id[0], &id[1], 1, taking);
    assert_int_equal(taking->count, 1);
    taking_free(&taking);
}

/* Nobody knows whether it was committed; or who took it died. */
static void what_nobody_works_on_comes_up(void **state)
{
    (void)state;
    begin();
    wish(true, id[0], &id[1], 1, taking);
    int64_t lost = taking->lease;
    assert_int_equal(take_due(1, &lost)->attempts, 1);
    assert_int_equal(lost, 0);
    assert_false(recorded(&taking->taken[0]));
    wish(true, id[0], &id[2], 1, taking);
    assert_int_equal(outbox_release(pg, &(struct instance){.name = "here", .process = "0123456789abcdef"}),
                     OK); /* at the next start */
    (void)take_due(2, NULL);
    taking_clear(taking);
    wish(true, id[0], &id[3], 1, taking);
    ask("update outbox set due_at = now() where lease = %lld", (long long)taking->lease); /* its lease is over */
    (void)take_due(1, NULL);
    assert_false(recorded(&taking->taken[0]));
    taking_free(&taking);
}

/* --- who is renamed meanwhile is seen as he is called then: nobody would look again */

static void *wish_elsewhere(void *arg)
{
    struct pg *session = pg_new(&config);
    (void)arg;
    assert_int_equal(pg_begin(session), OK);
    assert_int_equal(bindings_want(session, arena, id[0], &id[1], 1,
                                   &(struct want_terms){.agreed = true, .most = MOST, .taking = taking}, &wishes,
                                   &wish_count),
                     OK);
    assert_int_equal(pg_commit(session), OK);
    pg_free(&session);
    return NULL;
}

static void sides_are_seen_as_they_are_held(void **state)
{
    (void)state;
    pthread_t thread;
    begin();
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_set_nickname(pg, id[1], "Bedside"), OK);
    assert_int_equal(pthread_create(&thread, NULL, wish_elsewhere, NULL), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(taking->count, 1);
    assert_string_equal(taking->taken[0].pair.sides[1].nickname, "Bedside");
    taking_free(&taking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(wishes_are_taken_with_both_sides),        SCHEMA_TEST(an_end_is_taken_too),
        SCHEMA_TEST(a_pair_that_somebody_is_at_stays_his),    SCHEMA_TEST(what_waits_for_another_attempt_is_taken_anew),
        SCHEMA_TEST(a_taking_is_rolled_back_with_its_wishes), SCHEMA_TEST(what_nobody_works_on_comes_up),
        SCHEMA_TEST(sides_are_seen_as_they_are_held),
    };
    return cmocka_run_group_tests_name("taking", tests, postgres_set_up, postgres_tear_down);
}
