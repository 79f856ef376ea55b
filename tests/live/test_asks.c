/* Asks (sql/asks.h): who is asked, what is remembered, what becomes of it when the pair is bound or an account ends. */
#include "sql/asks.h"

#include "sql/bindings.h"
#include "tests/live/live_postgres.h"

enum { LIFETIME_MS = 60000 };

static struct ask between(int64_t account, int64_t peer)
{
    struct ask found;
    assert_int_equal(asks_look(pg, arena, account, &peer, 1, false, &found), OK);
    return found;
}

static enum err open_ask(int64_t asker, const int64_t *peers, size_t count)
{
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = asks_open(pg, arena, asker, peers, count, LIFETIME_MS);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
    return err;
}

static void bind(int64_t low, int64_t high)
{
    struct wish *wishes;
    size_t count = 0;
    assert_int_equal(
        bindings_want(pg, arena, low, &high, 1, &(struct want_terms){.agreed = true, .most = 10}, &wishes, &count), OK);
    assert_int_equal(count, 1);
}

static void an_ask_is_seen_from_both_sides(void **state)
{
    (void)state;
    int64_t id[4];
    active_accounts(id, 4);
    const int64_t peers[] = {id[2], id[0]}; /* one below, one above */
    assert_int_equal(open_ask(id[1], peers, 2), OK);
    for (size_t i = 0; i < 2; i++) {
        const struct ask ask_ = between(id[1], peers[i]), same = between(peers[i], id[1]);
        assert_int_equal(ask_.state, ASK_OPEN);
        assert_int_equal(ask_.asker, id[1]);
        assert_int_equal(ask_.asked, peers[i]);
        assert_in_range(ask_.left_ms, LIFETIME_MS - 10000, LIFETIME_MS);
        assert_int_equal(same.id, ask_.id);
        assert_int_equal(same.asked, peers[i]);
    }
    assert_int_equal(between(id[0], id[2]).state, ASK_NONE);
    const int64_t mixed[] = {id[3], id[2]};
    struct ask found[2];
    assert_int_equal(asks_look(pg, arena, id[1], mixed, 2, false, found), OK);
    assert_int_equal(found[0].state, ASK_NONE);
    assert_int_equal(found[1].state, ASK_OPEN);
}

static void each_has_a_message_to_be_sent(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    assert_int_equal(open_ask(id[1], &id[0], 1), OK);
    const struct ask made = between(id[0], id[1]);
    assert_int_equal(ask("select count(*) from outbox where kind = 7 and low = %lld and high = %lld and version = %lld "
                         "and due_at <= now()",
                         (long long)id[0], (long long)id[1], (long long)made.id),
                     1);
    struct ask_with loaded;
    const char *jid = NULL;
    assert_int_equal(asks_load(pg, arena, id[0], id[1], &loaded, &jid), OK);
    assert_int_equal(loaded.ask.id, made.id);
    assert_int_equal(loaded.other.id, id[1]);
    struct account asked;
    assert_int_equal(accounts_get(pg, arena, id[0], &asked), OK);
    assert_string_equal(jid, asked.jid_local);
}

static void asked_twice_it_is_somebody_elses_turn(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    assert_int_equal(open_ask(id[0], &id[1], 1), OK);
    const int64_t first = between(id[0], id[1]).id;
    assert_int_equal(open_ask(id[0], &id[1], 1), ERR_BUSY);
    assert_int_equal(open_ask(id[1], &id[0], 1), ERR_BUSY);
    assert_int_equal(between(id[0], id[1]).id, first);
    ask("update asks set expires_at = now()");
    assert_int_equal(between(id[0], id[1]).state, ASK_NONE);
    assert_int_equal(open_ask(id[1], &id[0], 1), OK); /* in the place of one that ran out */
    const struct ask second = between(id[0], id[1]);
    assert_true(second.id > first);
    assert_int_equal(second.asker, id[1]);
    assert_int_equal(ask("select version from outbox"), second.id);
}

static void a_no_is_remembered_for_who_asked(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    assert_int_equal(open_ask(id[0], &id[1], 1), OK);
    const int64_t first = between(id[0], id[1]).id;
    assert_int_equal(asks_refuse(pg, first, LIFETIME_MS), OK);
    const struct ask refused = between(id[0], id[1]);
    assert_int_equal(refused.state, ASK_REFUSED);
    assert_int_equal(refused.asker, id[0]);
    struct ask none;
    assert_int_equal(asks_get(pg, first, false, &none), ERR_NOT_FOUND);
    assert_int_equal(open_ask(id[0], &id[1], 1), ERR_BUSY);
    assert_int_equal(open_ask(id[1], &id[0], 1), OK); /* who said no may ask */
    assert_int_equal(between(id[0], id[1]).asker, id[1]);
    assert_int_equal(asks_refuse(pg, first, LIFETIME_MS), ERR_NOT_FOUND); /* an old answer says nothing of it */
    assert_int_equal(between(id[0], id[1]).state, ASK_OPEN);
}

static void what_was_withdrawn_or_has_run_out_is_not_refused(void **state)
{
    (void)state;
    int64_t id[3];
    bool withdrawn[1];
    active_accounts(id, 3);
    assert_int_equal(open_ask(id[0], &id[1], 2), OK);
    const int64_t first = between(id[0], id[1]).id, second = between(id[0], id[2]).id;
    assert_int_equal(asks_withdraw(pg, arena, id[0], &id[1], 1, withdrawn), OK);
    assert_int_equal(asks_refuse(pg, first, LIFETIME_MS), ERR_NOT_FOUND);
    ask("update asks set expires_at = now()");
    assert_int_equal(asks_refuse(pg, second, LIFETIME_MS), ERR_NOT_FOUND);
    assert_int_equal(ask("select count(*) from asks where state = 2"), 0);
}

static void bound_nothing_is_asked(void **state)
{
    (void)state;
    int64_t id[2];
    struct ask_with *list, loaded;
    struct ask found;
    const char *jid;
    size_t count = 0;
    active_accounts(id, 2);
    assert_int_equal(open_ask(id[0], &id[1], 1), OK);
    const int64_t ask_id = between(id[0], id[1]).id;
    assert_int_equal(asks_list(pg, arena, id[1], 10, &list, &count), OK);
    assert_int_equal(count, 1);
    bind(id[0], id[1]); /* by somebody who did not see it */
    assert_int_equal(between(id[0], id[1]).state, ASK_NONE);
    assert_int_equal(asks_get(pg, ask_id, false, &found), ERR_NOT_FOUND);
    assert_int_equal(asks_load(pg, arena, id[0], id[1], &loaded, &jid), ERR_NOT_FOUND);
    assert_int_equal(asks_list(pg, arena, id[1], 10, &list, &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(asks_end(pg, arena, id[1], &id[0], 1), OK);
    assert_int_equal(ask("select count(*) from asks"), 0);
}

static void only_what_is_open_is_withdrawn(void **state)
{
    (void)state;
    int64_t id[5];
    bool withdrawn[4];
    active_accounts(id, 5);
    assert_int_equal(open_ask(id[0], (int64_t[]){id[1], id[2], id[3]}, 3), OK);
    assert_int_equal(asks_refuse(pg, between(id[0], id[2]).id, LIFETIME_MS), OK);
    ask("update asks set expires_at = now() where high = %lld", (long long)id[3]);
    assert_int_equal(asks_withdraw(pg, arena, id[0], &id[1], 4, withdrawn), OK);
    assert_true(withdrawn[0]);
    assert_false(withdrawn[1] || withdrawn[2] || withdrawn[3]);
    assert_int_equal(between(id[0], id[1]).state, ASK_NONE);
    assert_int_equal(between(id[0], id[2]).state, ASK_REFUSED);
}

static void the_asked_sees_who_asks_the_oldest_first(void **state)
{
    (void)state;
    int64_t id[5];
    struct ask_with *list;
    size_t count = 0;
    active_accounts(id, 5);
    for (size_t i = 0; i < 5; i++)
        if (i != 2)
            assert_int_equal(open_ask(id[i], &id[2], 1), OK);
    assert_int_equal(open_ask(id[0], &id[1], 1), OK);
    ask("update asks set made_at = now() - interval '1 hour' where asked_by = %lld", (long long)id[3]);
    ask("update accounts set banned_at = now() where id = %lld", (long long)id[4]);
    assert_int_equal(asks_list(pg, arena, id[2], 10, &list, &count), OK);
    assert_int_equal(count, 3);
    assert_int_equal(list[0].other.id, id[3]);
    assert_int_equal(list[1].other.id, id[0]);
    assert_int_equal(list[2].other.id, id[1]);
    assert_int_equal(asks_list(pg, arena, id[2], 2, &list, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(asks_list(pg, arena, id[0], 10, &list, &count), OK);
    assert_int_equal(count, 0); /* nobody asks him */
}

static void an_account_takes_its_asks_along(void **state)
{
    (void)state;
    int64_t id[4];
    struct ask_with loaded;
    const char *jid;
    active_accounts(id, 4);
    assert_int_equal(open_ask(id[1], (int64_t[]){id[0], id[2]}, 2), OK);
    assert_int_equal(open_ask(id[3], &id[1], 1), OK);
    assert_int_equal(open_ask(id[3], &id[0], 1), OK);
    cancel_account(id[1], ACCOUNT_ACTIVE);
    assert_int_equal(asks_load(pg, arena, id[0], id[1], &loaded, &jid), ERR_NOT_FOUND);
    assert_int_equal(asks_load(pg, arena, id[1], id[3], &loaded, &jid), ERR_NOT_FOUND);
    assert_int_equal(asks_end_all(pg, id[1]), OK);
    assert_int_equal(ask("select count(*) from asks"), 1);
}

static void what_has_run_out_is_forgotten(void **state)
{
    (void)state;
    int64_t id[4], count = 0;
    active_accounts(id, 4);
    assert_int_equal(open_ask(id[0], &id[1], 3), OK);
    ask("update asks set expires_at = now() where high <> %lld", (long long)id[3]);
    assert_int_equal(asks_purge(pg, 1, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(asks_purge(pg, 10, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(between(id[0], id[3]).state, ASK_OPEN);
}

static void an_account_is_asked_by_so_many(void **state)
{
    (void)state;
    int64_t id[5];
    bool full = true;
    active_accounts(id, 5);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(open_ask(id[i], &id[0], 1), OK);
    assert_int_equal(open_ask(id[0], &id[4], 1), OK); /* what he asks himself does not count */
    assert_int_equal(asks_full(pg, arena, id, 5, 4, &full), OK);
    assert_false(full);
    assert_int_equal(asks_full(pg, arena, id, 5, 3, &full), OK);
    assert_true(full);
    assert_int_equal(asks_full(pg, arena, &id[1], 4, 3, &full), OK);
    assert_false(full);
    ask("update accounts set banned_at = now() where id = %lld",
        (long long)id[2]); /* he is not shown to who is asked */
    assert_int_equal(asks_full(pg, arena, id, 5, 3, &full), OK);
    assert_false(full);
    ask("update accounts set banned_at = null where id = %lld", (long long)id[2]);
    assert_int_equal(asks_refuse(pg, between(id[0], id[1]).id, LIFETIME_MS), OK);
    assert_int_equal(asks_full(pg, arena, id, 5, 3, &full), OK);
    assert_false(full);
}

/* --- with the wishes of sql/bindings.h */

static enum err wish(int64_t asker, const int64_t *peers, size_t count, size_t *made_r)
{
    struct wish *wishes;
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = bindings_want(pg, arena, asker, peers, count,
                                       &(struct want_terms){.agreed = true, .most = 100}, &wishes, made_r);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
    return err;
}

static void a_wish_settles_what_was_asked(void **state)
{
    (void)state;
    int64_t id[4];
    size_t made = 0;
    active_accounts(id, 4);
    assert_int_equal(open_ask(id[1], &id[0], 1), OK); /* he asks */
    assert_int_equal(open_ask(id[2], &id[1], 1), OK); /* he is asked */
    assert_int_equal(open_ask(id[3], &id[1], 1), OK);
    assert_int_equal(asks_refuse(pg, between(id[3], id[1]).id, LIFETIME_MS), OK); /* he said no, and wishes it now */
    assert_int_equal(open_ask(id[2], &id[3], 1), OK);                             /* others' */
    assert_int_equal(wish(id[1], (int64_t[]){id[0], id[2], id[3]}, 3, &made), OK);
    assert_int_equal(made, 3);
    assert_int_equal(ask("select count(*) from asks"), 1);
    assert_int_equal(between(id[2], id[3]).state, ASK_OPEN);
}

static void a_no_stops_the_whole_wish(void **state)
{
    (void)state;
    int64_t id[3];
    size_t made = 0;
    active_accounts(id, 3);
    assert_int_equal(open_ask(id[0], &id[1], 2), OK);
    assert_int_equal(asks_refuse(pg, between(id[0], id[2]).id, LIFETIME_MS), OK);
    assert_int_equal(wish(id[0], &id[1], 2, &made), ERR_REFUSED);
    assert_int_equal(ask("select count(*) from bindings"), 0);
    assert_int_equal(between(id[0], id[1]).state, ASK_OPEN); /* rolled back */
    ask("update asks set expires_at = now() where state = 2");
    assert_int_equal(wish(id[0], &id[1], 2, &made), OK);
    assert_int_equal(made, 2);
    assert_int_equal(ask("select count(*) from asks"), 0);
}

/* --- two who ask each other at once */

struct asking {
    int64_t asker, asked;
    enum err err;
};

static void *ask_at_once(void *arg)
{
    struct asking *asking = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    asking->err = pg_begin(session);
    if (asking->err == OK)
        asking->err = asks_open(session, own_arena, asking->asker, &asking->asked, 1, LIFETIME_MS);
    if (asking->err == OK)
        asking->err = pg_commit(session);
    else
        pg_rollback(session);
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

static void of_two_at_once_one_asks(void **state)
{
    (void)state;
    int64_t id[2];
    active_accounts(id, 2);
    for (int i = 0; i < 20; i++) {
        struct asking both[] = {{id[0], id[1], OK}, {id[1], id[0], OK}};
        pthread_t threads[2];
        for (size_t t = 0; t < 2; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, ask_at_once, &both[t]), 0);
        for (size_t t = 0; t < 2; t++)
            pthread_join(threads[t], NULL);
        assert_int_equal((both[0].err == OK) + (both[1].err == OK), 1);
        assert_int_equal((both[0].err == ERR_BUSY) + (both[1].err == ERR_BUSY), 1);
        assert_int_equal(between(id[0], id[1]).asker, both[0].err == OK ? id[0] : id[1]);
        ask("delete from asks");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(an_ask_is_seen_from_both_sides),
        SCHEMA_TEST(each_has_a_message_to_be_sent),
        SCHEMA_TEST(asked_twice_it_is_somebody_elses_turn),
        SCHEMA_TEST(a_no_is_remembered_for_who_asked),
        SCHEMA_TEST(what_was_withdrawn_or_has_run_out_is_not_refused),
        SCHEMA_TEST(bound_nothing_is_asked),
        SCHEMA_TEST(only_what_is_open_is_withdrawn),
        SCHEMA_TEST(the_asked_sees_who_asks_the_oldest_first),
        SCHEMA_TEST(an_account_takes_its_asks_along),
        SCHEMA_TEST(what_has_run_out_is_forgotten),
        SCHEMA_TEST(an_account_is_asked_by_so_many),
        SCHEMA_TEST(a_wish_settles_what_was_asked),
        SCHEMA_TEST(a_no_stops_the_whole_wish),
        SCHEMA_TEST(of_two_at_once_one_asks),
    };
    return cmocka_run_group_tests(tests, postgres_set_up, postgres_tear_down);
}
