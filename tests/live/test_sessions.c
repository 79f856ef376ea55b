/* Sessions (sql/sessions.h): opened, checked, ended, and the limit an account has. */
#include "sql/sessions.h"

#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600 * 1000, MOST = 3 };

static struct session_hash hash_of(int number)
{
    struct session_hash hash;
    sha256(&number, sizeof number, hash.bytes);
    return hash;
}

static enum err open_session(int64_t id, int number, struct session_hash **ended_r, size_t *count_r)
{
    const struct session_hash hash = hash_of(number);
    return sessions_open(pg, arena, id, SESSION_003, &hash, HOUR_MS, MOST, ended_r, count_r);
}

static void opened(int64_t id, int number)
{
    struct session_hash *ended;
    size_t count;
    assert_int_equal(open_session(id, number, &ended, &count), OK);
}

static enum err check(int number)
{
    const struct session_hash hash = hash_of(number);
    int64_t id = 0, left_ms = 0;
    return sessions_check(pg, &hash, &id, &left_ms);
}

static void an_open_session_is_known(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct session_hash hash = hash_of(1);
    int64_t owner = 0, left_ms = 0;
    opened(id, 1);
    assert_int_equal(sessions_check(pg, &hash, &owner, &left_ms), OK);
    assert_int_equal(owner, id);
    assert_in_range(left_ms, HOUR_MS - 10000, HOUR_MS);
    assert_int_equal(check(2), ERR_TOKEN);
}

/* --- the limit */

static void the_oldest_makes_room(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d"), other = active_account(ACCOUNT_DEVICE, "other");
    struct session_hash *ended;
    size_t count;
    opened(other, 100);
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(open_session(id, i, &ended, &count), OK);
        assert_int_equal(count, 0);
    }
    for (int i = MOST; i < 3 * MOST; i++) {
        const struct session_hash oldest = hash_of(i - MOST);
        assert_int_equal(open_session(id, i, &ended, &count), OK);
        assert_int_equal(count, 1);
        assert_memory_equal(ended[0].bytes, oldest.bytes, sizeof oldest.bytes);
        assert_int_equal(check(i - MOST), ERR_TOKEN);
        for (int left = i - MOST + 1; left <= i; left++)
            assert_int_equal(check(left), OK);
    }
    assert_int_equal(check(100), OK);
}

static void a_lower_limit_ends_all_that_are_too_many(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct session_hash hash = hash_of(10);
    struct session_hash *ended;
    size_t count;
    for (int i = 0; i < MOST; i++)
        opened(id, i);
    assert_int_equal(sessions_open(pg, arena, id, SESSION_003, &hash, HOUR_MS, 1, &ended, &count), OK);
    assert_int_equal(count, MOST);
    assert_int_equal(ask("select count(*) from sessions"), 1);
    assert_int_equal(check(10), OK);
}

/* --- who may not */

static void expect_not_opened(int64_t id)
{
    struct session_hash *ended;
    size_t count;
    const int64_t before = ask("select count(*) from sessions");
    assert_int_equal(open_session(id, 99, &ended, &count), ERR_NOT_FOUND);
    assert_int_equal(check(99), ERR_TOKEN);
    assert_int_equal(ask("select count(*) from sessions"), before);
}

static void only_an_active_account_that_is_not_banned_opens_one(void **state)
{
    (void)state;
    const int64_t pending = pending_account(ACCOUNT_DEVICE, "pending"), id = active_account(ACCOUNT_DEVICE, "d");
    expect_not_opened(pending);
    expect_not_opened(1);
    for (int i = 0; i < MOST; i++)
        opened(id, i);
    ask("update accounts set banned_at = now() where id = %lld", (long long)id);
    expect_not_opened(id); /* nor does it end those that are there */
    ask("update accounts set banned_at = null where id = %lld", (long long)id);
    cancel_account(id, ACCOUNT_ACTIVE);
    expect_not_opened(id);
}

/* --- how one ends */

static void an_expired_one_is_told_from_an_unknown_one(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    opened(id, 1);
    ask("update sessions set expires_at = now() - interval '1 second'");
    assert_int_equal(check(1), ERR_TOKEN_EXPIRED);
    ask("update sessions set expires_at = now() - interval '29 days'");
    int64_t count = -1;
    assert_int_equal(sessions_purge(pg, 10, &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(check(1), ERR_TOKEN_EXPIRED);
}

static void what_expired_long_ago_is_forgotten_a_few_at_a_time(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    int64_t count = -1;
    for (int i = 0; i < MOST; i++)
        opened(id, i);
    ask("update sessions set expires_at = now() - interval '31 days'");
    opened(active_account(ACCOUNT_DEVICE, "other"), 50);
    assert_int_equal(sessions_purge(pg, MOST - 1, &count), OK);
    assert_int_equal(count, MOST - 1);
    assert_int_equal(sessions_purge(pg, MOST, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(check(0), ERR_TOKEN);
    assert_int_equal(check(50), OK);
}

static void a_cancelled_accounts_end(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    opened(id, 1);
    cancel_account(id, ACCOUNT_ACTIVE);
    assert_int_equal(check(1), ERR_TOKEN); /* even while its row is there */
}

static void a_banned_accounts_are_refused(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    opened(id, 1);
    ask("update accounts set banned_at = now() where id = %lld", (long long)id);
    assert_int_equal(check(1), ERR_BANNED);
}

static void without_a_jid_the_token_says_so(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    opened(id, 1);
    assert_int_equal(accounts_set_jid_state(pg, id, JID_VANISHED), OK);
    assert_int_equal(check(1), ERR_JID_NONE);
    assert_int_equal(accounts_set_jid_state(pg, id, JID_REFUSED), OK);
    assert_int_equal(check(1), OK);
}

static void ending_all_tells_which(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d"), other = active_account(ACCOUNT_DEVICE, "other");
    struct session_hash *ended;
    size_t count;
    opened(id, 1);
    opened(id, 2);
    opened(other, 3);
    assert_int_equal(sessions_end_all(pg, arena, id, &ended, &count), OK);
    assert_int_equal(count, 2);
    for (int i = 1; i <= 2; i++) {
        const struct session_hash hash = hash_of(i);
        assert_true(memcmp(ended[0].bytes, hash.bytes, sizeof hash.bytes) == 0 ||
                    memcmp(ended[1].bytes, hash.bytes, sizeof hash.bytes) == 0);
        assert_int_equal(check(i), ERR_TOKEN);
    }
    assert_int_equal(check(3), OK);
    assert_int_equal(sessions_end_all(pg, arena, id, &ended, &count), OK);
    assert_int_equal(count, 0);
}

/* --- a login and a cancel at once: whichever comes first, no session is left that nobody revokes */

struct cancelling {
    int64_t id;
    size_t ended;
};

static void *cancel_it(void *arg)
{
    struct cancelling *cancelling = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    struct session_hash *ended;
    if (pg_begin(session) == OK && accounts_cancel(session, cancelling->id, ACCOUNT_ACTIVE) == OK &&
        sessions_end_all(session, own_arena, cancelling->id, &ended, &cancelling->ended) != OK)
        cancelling->ended = SIZE_MAX;
    if (pg_commit(session) != OK)
        cancelling->ended = SIZE_MAX;
    arena_free(&own_arena);
    pg_free(&session);
    return NULL;
}

static void a_cancel_finds_the_session_of_a_login_under_way(void **state)
{
    (void)state;
    struct cancelling cancelling = {.id = active_account(ACCOUNT_DEVICE, "d")};
    pthread_t thread;
    assert_int_equal(pg_begin(pg), OK);
    opened(cancelling.id, 1);
    assert_int_equal(pthread_create(&thread, NULL, cancel_it, &cancelling), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(cancelling.ended, 1);
    assert_int_equal(ask("select count(*) from sessions"), 0);
}

static void *open_it(void *arg)
{
    const struct cancelling *cancelling = arg;
    struct pg *session = pg_new(&config);
    struct arena *own_arena = arena_new();
    struct session_hash hash = hash_of(1), *ended;
    size_t count;
    const enum err err =
        sessions_open(session, own_arena, cancelling->id, SESSION_003, &hash, HOUR_MS, MOST, &ended, &count);
    arena_free(&own_arena);
    pg_free(&session);
    return err == ERR_NOT_FOUND ? arg : NULL;
}

static void a_login_during_a_cancel_opens_nothing(void **state)
{
    (void)state;
    struct cancelling cancelling = {.id = active_account(ACCOUNT_DEVICE, "d")};
    pthread_t thread;
    void *refused;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_cancel(pg, cancelling.id, ACCOUNT_ACTIVE), OK);
    assert_int_equal(pthread_create(&thread, NULL, open_it, &cancelling), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, &refused);
    assert_ptr_equal(refused, &cancelling);
    assert_int_equal(ask("select count(*) from sessions"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(an_open_session_is_known),
        SCHEMA_TEST(the_oldest_makes_room),
        SCHEMA_TEST(a_lower_limit_ends_all_that_are_too_many),
        SCHEMA_TEST(only_an_active_account_that_is_not_banned_opens_one),
        SCHEMA_TEST(an_expired_one_is_told_from_an_unknown_one),
        SCHEMA_TEST(what_expired_long_ago_is_forgotten_a_few_at_a_time),
        SCHEMA_TEST(a_cancelled_accounts_end),
        SCHEMA_TEST(a_banned_accounts_are_refused),
        SCHEMA_TEST(without_a_jid_the_token_says_so),
        SCHEMA_TEST(ending_all_tells_which),
        SCHEMA_TEST(a_cancel_finds_the_session_of_a_login_under_way),
        SCHEMA_TEST(a_login_during_a_cancel_opens_nothing),
    };
    return cmocka_run_group_tests_name("sessions", tests, postgres_set_up, postgres_tear_down);
}
