/* Bindings (sql/bindings.h): wishes and their versions. What is seen of them: test_pairs.c. */
#include "sql/bindings.h"

#include "tests/live/live_postgres.h"

enum { CROWD = 6, ROUNDS = 15, PLENTY = 1000 };

typedef enum err (*wish_fn)(struct pg *, struct arena *, int64_t, const int64_t *, size_t, struct taking *,
                            struct wish **, size_t *);

static struct wish *wishes;
static size_t wish_count;

static enum err want(struct pg *session, struct arena *own_arena, int64_t asker, const int64_t *peers, size_t count,
                     struct taking *taking, struct wish **wishes_r, size_t *wish_count_r)
{
    return bindings_want(session, own_arena, asker, peers, count,
                         &(struct want_terms){.agreed = true, .most = PLENTY, .taking = taking}, wishes_r,
                         wish_count_r);
}

/* Commits a wish of `asker` about the peers; how many took effect comes out. */
static size_t wished(wish_fn make, int64_t asker, const int64_t *peers, size_t count)
{
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(make(pg, arena, asker, peers, count, NULL, &wishes, &wish_count), OK);
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
    assert_int_equal(wished(want, id[1], peers, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(wishes[i].low < wishes[i].high);
        assert_true(wishes[i].version == version_of(wishes[i].low, wishes[i].high));
        assert_true(due(wishes[i].low, wishes[i].high, wishes[i].version));
    }
    const int64_t before = version_of(id[0], id[1]);
    assert_int_equal(wished(want, id[1], peers, 2), 0);
    assert_int_equal(wished(want, id[0], &id[1], 1), 0); /* from the other side, too */
    assert_true(version_of(id[0], id[1]) == before);
    assert_int_equal(ask("select count(*) from bindings"), 2);
    assert_int_equal(ask("select count(*) from outbox"), 2);
}

static void only_what_changes_comes_out(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 4);
    assert_int_equal(wished(want, id[0], &id[2], 1), 1);
    assert_int_equal(wished(want, id[0], &id[1], 3), 2);
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
        assert_int_equal(wished(i % 2 == 0 ? want : bindings_unwant, id[i % 2], &id[1 - i % 2], 1), 1);
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
    assert_int_equal(want(pg, arena, id[0], &id[1], 1, NULL, &wishes, &wish_count), OK);
    pg_rollback(pg);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void a_cancel_ends_all_of_an_account_and_no_more(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 4);
    wished(want, id[1], (int64_t[]){id[0], id[2], id[3]}, 3);
    wished(want, id[2], &id[3], 1);
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
    wished(want, id[0], &id[1], 2);
    const int64_t before = version_of(id[0], id[1]);
    ask("delete from outbox");
    assert_int_equal(bindings_reaffirm_all(pg, id[1]), OK);
    assert_true(version_of(id[0], id[1]) > before);
    assert_true(due(id[0], id[1], version_of(id[0], id[1])));
    assert_int_equal(ask("select count(*) from outbox"), 1);
}

static enum err want_at_most(int64_t asker, const int64_t *peers, size_t count, int64_t most)
{
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = bindings_want(pg, arena, asker, peers, count,
                                       &(struct want_terms){.agreed = true, .most = most}, &wishes, &wish_count);
    pg_rollback(pg);
    return err;
}

static void an_account_can_be_full(void **state)
{
    (void)state;
    int64_t id[5];
    active_accounts(id, 5);
    wished(want, id[1], (int64_t[]){id[0], id[2]}, 2);
    assert_int_equal(want_at_most(id[1], &id[3], 1, 3), OK);
    assert_int_equal(want_at_most(id[1], &id[3], 2, 3), ERR_LIMITED);
    assert_int_equal(want_at_most(id[1], &id[3], 1, 2), ERR_LIMITED);
    assert_int_equal(want_at_most(id[3], (int64_t[]){id[4], id[1]}, 2, 2), ERR_LIMITED); /* the other side is */
    assert_int_equal(want_at_most(id[0], &id[3], 1, 2), OK);                             /* it has one */
    assert_int_equal(want_at_most(id[0], &id[1], 1, 1), OK);                             /* which it has already */
    assert_int_equal(wish_count, 0);
    wished(bindings_unwant, id[1], &id[0], 1);
    assert_int_equal(want_at_most(id[1], &id[3], 1, 2), OK); /* what is to end does not count */
}

/* Who decides looked at them before the transaction began. */
static void who_has_closed_his_door_meanwhile_is_not_bound(void **state)
{
    (void)state;
    int64_t id[3];
    active_accounts(id, 3);
    ask("update accounts set consent = 2 where id = %lld", (long long)id[1]);
    assert_int_equal(want_at_most(id[0], &id[1], 1, PLENTY), ERR_REFUSED);
    assert_int_equal(want_at_most(id[0], (int64_t[]){id[2], id[1]}, 2, PLENTY), ERR_REFUSED);
    assert_int_equal(want_at_most(id[1], &id[2], 1, PLENTY), OK); /* he refuses others, not himself */
    ask("update accounts set banned_at = now() where id = %lld", (long long)id[2]);
    assert_int_equal(want_at_most(id[0], &id[2], 1, PLENTY), ERR_REFUSED);
    assert_int_equal(want_at_most(id[2], &id[0], 1, PLENTY), ERR_REFUSED);
    assert_int_equal(ask("select count(*) from bindings"), 0);
}

static void who_wishes_to_be_asked_by_now_is_not_bound_unless_he_agreed(void **state)
{
    (void)state;
    int64_t id[3];
    active_accounts(id, 3);
    ask("update accounts set consent = 1 where id in (%lld, %lld)", (long long)id[0], (long long)id[1]);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(bindings_want(pg, arena, id[0], &id[1], 2, &(struct want_terms){.agreed = false, .most = PLENTY},
                                   &wishes, &wish_count),
                     ERR_CONFLICT);
    pg_rollback(pg);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(bindings_want(pg, arena, id[0], &id[2], 1, &(struct want_terms){.agreed = false, .most = PLENTY},
                                   &wishes, &wish_count),
                     OK); /* himself not */
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(want_at_most(id[0], &id[1], 1, PLENTY), OK);
}

static void all_must_be_active_and_stay_so(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 3);
    id[3] = pending_account(ACCOUNT_DEVICE, "pending");
    cancel_account(id[2], ACCOUNT_ACTIVE);
    assert_int_equal(want_at_most(id[0], (int64_t[]){id[1], id[2]}, 2, PLENTY), ERR_NOT_FOUND);
    assert_int_equal(want_at_most(id[0], (int64_t[]){id[1], id[3]}, 2, PLENTY), ERR_NOT_FOUND);
    assert_int_equal(want_at_most(id[3], &id[0], 1, PLENTY), ERR_NOT_FOUND);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(want(pg, arena, id[0], &id[1], 1, NULL, &wishes, &wish_count), OK);
    ask("set lock_timeout = 100");
    for (int i = 0; i < 2; i++) {
        PGresult *refused =
            PQexec(own, arena_printf(arena, "update accounts set state = 0 where id = %lld", (long long)id[i]));
        assert_string_equal(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "55P03"); /* it waited in vain */
        PQclear(refused);
    }
    ask("set lock_timeout = 0");
    assert_int_equal(pg_commit(pg), OK);
}

struct wanting {
    int64_t asker, peer;
    enum err err;
};

static void *want_one(void *arg)
{
    struct wanting *wanting = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    struct wish *made;
    size_t count;
    wanting->err = want(session, own_arena, wanting->asker, &wanting->peer, 1, NULL, &made, &count);
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

static void an_account_that_is_just_being_cancelled_is_bound_to_nobody(void **state)
{
    (void)state;
    int64_t id[2];
    pthread_t thread;
    active_accounts(id, 2);
    struct wanting wanting = {.asker = id[0], .peer = id[1]};
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_cancel(pg, id[1], ACCOUNT_ACTIVE), OK);
    assert_int_equal(pthread_create(&thread, NULL, want_one, &wanting), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(wanting.err, ERR_NOT_FOUND);
    assert_int_equal(ask("select count(*) from bindings"), 0);
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
        err = make(session, own_arena, member->ids[member->own], peers, CROWD - 1, NULL, &made, &count);
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
        const enum err err = turn(session, own_arena, member, i % 2 == 0 ? want : bindings_unwant);
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
        SCHEMA_TEST(who_has_closed_his_door_meanwhile_is_not_bound),
        SCHEMA_TEST(who_wishes_to_be_asked_by_now_is_not_bound_unless_he_agreed),
        SCHEMA_TEST(all_must_be_active_and_stay_so),
        SCHEMA_TEST(an_account_that_is_just_being_cancelled_is_bound_to_nobody),
        SCHEMA_TEST(lists_that_cross_do_not_deadlock),
    };
    return cmocka_run_group_tests_name("bindings", tests, postgres_set_up, postgres_tear_down);
}
