/* A session with Postgres (sql/pg.h): values, errors, transactions. What happens when Postgres goes away is in
 * test_postgres_faults.c. */
#include "tests/live/live_postgres.h"

static enum err run(const struct stmt *stmt, const struct pg_args *args, PGresult **result_r)
{
    return pg_run(pg, stmt, args, result_r);
}

static void texts_arrive_as_they_are(void **state)
{
    (void)state;
    static const struct stmt echo = {"echo_texts",
                                     "select t from unnest($1::text[]) with ordinality u(t, n) order by n"};
    const char *const texts[] = {"",         "plain", "a,b",      "{x}",  "\"quoted\"", "back\\slash",
                                 "NULL",     "null",  " spaced ", "名前", "line\nend",  "tab\t",
                                 "it's; --", NULL,    "\\\"\\",   "{}",   "\x1f"};
    enum { COUNT = sizeof texts / sizeof texts[0] };
    struct pg_args args = {0};
    PGresult *result = NULL;
    pg_arg_texts(&args, arena, texts, COUNT);
    assert_int_equal(run(&echo, &args, &result), OK);
    assert_int_equal(PQntuples(result), COUNT);
    for (int i = 0; i < COUNT; i++) {
        const char *got = pg_text(arena, result, i, 0);
        if (texts[i] == NULL)
            assert_null(got);
        else
            assert_string_equal(got, texts[i]);
    }
    PQclear(result);
}

static void numbers_arrive_as_they_are(void **state)
{
    (void)state;
    static const struct stmt echo = {"echo_numbers",
                                     "select n, $2::boolean, $3::boolean, null::bigint, null::boolean, $4::bigint "
                                     "from unnest($1::bigint[]) n"};
    const int64_t numbers[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    struct pg_args args = {0};
    PGresult *result = NULL;
    pg_arg_i64s(&args, arena, numbers, 5);
    pg_arg_bool(&args, true);
    pg_arg_bool(&args, false);
    pg_arg_i64(&args, INT64_MIN);
    assert_int_equal(run(&echo, &args, &result), OK);
    assert_int_equal(PQntuples(result), 5);
    for (int i = 0; i < 5; i++)
        assert_true(pg_i64(result, i, 0) == numbers[i]);
    assert_true(pg_bool(result, 0, 1));
    assert_false(pg_bool(result, 0, 2));
    assert_int_equal(pg_i64(result, 0, 3), 0);
    assert_false(pg_bool(result, 0, 4));
    assert_true(pg_i64(result, 0, 5) == INT64_MIN);
    PQclear(result);
}

static void bytes_arrive_as_they_are(void **state)
{
    (void)state;
    static const struct stmt echo = {"echo_bytes", "select $1::bytea, $2::bytea, ''::bytea"};
    uint8_t bytes[256];
    size_t length;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    struct pg_args args = {0};
    PGresult *result = NULL;
    pg_arg_bytes(&args, bytes, sizeof bytes);
    pg_arg_text(&args, NULL);
    assert_int_equal(run(&echo, &args, &result), OK);
    const uint8_t *got = pg_bytes(arena, result, 0, 0, &length);
    assert_int_equal(length, sizeof bytes);
    assert_memory_equal(got, bytes, sizeof bytes);
    assert_null(pg_bytes(arena, result, 0, 1, &length));
    assert_int_equal(length, 0);
    assert_non_null(pg_bytes(arena, result, 0, 2, &length));
    assert_int_equal(length, 0);
    PQclear(result);
}

static void no_rows_of_an_empty_array(void **state)
{
    (void)state;
    static const struct stmt count = {"count_empty", "select 1 from unnest($1::bigint[])"};
    struct pg_args args = {0};
    int64_t rows = -1;
    pg_arg_i64s(&args, arena, NULL, 0);
    assert_int_equal(pg_do(pg, &count, &args, &rows), OK);
    assert_int_equal(rows, 0);
}

/* --- errors */

static void errors_have_a_meaning(void **state)
{
    (void)state;
    static const struct stmt twice = {"twice", "insert into meta values ('k', 'v')"};
    static const struct stmt nonsense = {"nonsense", "select from where"};
    static const struct stmt zero = {"zero", "select 1 / 0"};
    const struct pg_args none = {0};
    assert_int_equal(pg_do(pg, &twice, &none, NULL), OK);
    assert_int_equal(pg_do(pg, &twice, &none, NULL), ERR_CONFLICT);
    assert_int_equal(pg_do(pg, &nonsense, &none, NULL), ERR_DB);
    assert_int_equal(pg_do(pg, &zero, &none, NULL), ERR_DB);
    assert_int_equal(pg_ping(pg), OK); /* none of them cost the connection anything */
}

static void a_statement_that_takes_too_long_is_given_up(void **state)
{
    (void)state;
    static const struct stmt sleep = {"sleep", "select pg_sleep(60)"};
    struct pg_config quick = config;
    quick.statement_timeout_ms = 200;
    struct pg *session = pg_new(&quick);
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_do(session, &sleep, &(struct pg_args){0}, NULL), ERR_DB_DOWN);
    assert_in_range(clock_ms() - before_ms, 190, 2000);
    assert_int_equal(pg_ping(session), OK);
    pg_free(&session);
}

/* Updates two rows in the given order, each in a transaction; the first one's lock is held until both have one. */
struct crossing {
    const char *first, *second;
    pthread_barrier_t *both;
    enum err err;
};

static enum err touch(struct pg *session, const char *key)
{
    static const struct stmt update = {"touch", "update meta set value = 'touched' where key = $1"};
    struct pg_args args = {0};
    pg_arg_text(&args, key);
    return pg_do(session, &update, &args, NULL);
}

static void *cross(void *arg)
{
    struct crossing *crossing = arg;
    struct pg *session = pg_new(&config);
    crossing->err = pg_begin(session);
    if (crossing->err == OK)
        crossing->err = touch(session, crossing->first);
    pthread_barrier_wait(crossing->both);
    if (crossing->err == OK)
        crossing->err = touch(session, crossing->second);
    if (crossing->err == OK)
        crossing->err = pg_commit(session);
    pg_free(&session); /* and so rolled back */
    return NULL;
}

static void of_two_that_deadlock_one_is_told_to_try_again(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    ask("insert into meta values ('a', ''), ('b', '')");
    struct crossing here = {"a", "b", &both, OK}, there = {"b", "a", &both, OK};
    assert_int_equal(pthread_create(&thread, NULL, cross, &there), 0);
    cross(&here);
    pthread_join(thread, NULL);
    assert_true((here.err == OK && there.err == ERR_BUSY) || (here.err == ERR_BUSY && there.err == OK));
    pthread_barrier_destroy(&both);
}

/* --- transactions */

static void add_meta(const char *key, enum err expected)
{
    static const struct stmt add = {"add_meta", "insert into meta values ($1, '')"};
    struct pg_args args = {0};
    pg_arg_text(&args, key);
    assert_int_equal(pg_do(pg, &add, &args, NULL), expected);
}

static void what_is_committed_stays(void **state)
{
    (void)state;
    assert_int_equal(pg_begin(pg), OK);
    add_meta("kept", OK);
    assert_int_equal(ask("select count(*) from meta where key = 'kept'"), 0);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(ask("select count(*) from meta where key = 'kept'"), 1);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    (void)state;
    assert_int_equal(pg_begin(pg), OK);
    add_meta("gone", OK);
    pg_rollback(pg);
    pg_rollback(pg); /* without a transaction: nothing */
    add_meta("after", OK);
    assert_int_equal(ask("select count(*) from meta where key = 'gone'"), 0);
    assert_int_equal(ask("select count(*) from meta where key = 'after'"), 1);
}

static void a_failed_transaction_does_not_commit(void **state)
{
    (void)state;
    assert_int_equal(pg_begin(pg), OK);
    add_meta("half", OK);
    add_meta("half", ERR_CONFLICT);
    add_meta("other", ERR_DB); /* Postgres takes nothing more */
    assert_int_equal(pg_commit(pg), ERR_DB);
    assert_int_equal(ask("select count(*) from meta where key in ('half', 'other')"), 0);
    add_meta("half", OK); /* outside, and at once */
    assert_int_equal(ask("select count(*) from meta where key = 'half'"), 1);
}

static void a_transaction_that_was_forgotten_is_rolled_back(void **state)
{
    (void)state;
    assert_int_equal(pg_begin(pg), OK);
    add_meta("forgotten", OK);
    assert_int_equal(pg_begin(pg), OK);
    add_meta("meant", OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(ask("select count(*) from meta where key = 'forgotten'"), 0);
    assert_int_equal(ask("select count(*) from meta where key = 'meant'"), 1);
}

static void a_commit_without_a_transaction_says_so(void **state)
{
    (void)state;
    assert_int_equal(pg_ping(pg), OK);
    assert_int_equal(pg_commit(pg), ERR_DB_DOWN);
    assert_int_equal(pg_ping(pg), OK);
}

/* Half of what pg_begin sends can fail; the other half must not be left open. */
static void a_beginning_that_fails_leaves_nothing_open(void **state)
{
    (void)state;
    char shadowed[600];
    snprintf(shadowed, sizeof shadowed, "%s options='-csearch_path=%s,pg_catalog'", getenv("TEST_POSTGRES"), schema);
    const struct pg_config shadow = {.url = secret_of_cstr(shadowed),
                                     .connect_timeout_ms = config.connect_timeout_ms,
                                     .statement_timeout_ms = config.statement_timeout_ms};
    ask("create function pg_current_xact_id() returns text language sql as 'select (1 / 0)::text'");
    struct pg *session = pg_new(&shadow);
    assert_int_equal(pg_begin(session), ERR_DB);
    ask("drop function %s.pg_current_xact_id()", schema);
    assert_int_equal(pg_begin(session), OK);
    assert_int_equal(pg_commit(session), OK);
    pg_free(&session);
}

/* --- what is waited for */

/* Whether what the session does is waited for to reach the disk. */
static bool waits_for_disk(struct pg *session)
{
    static const struct stmt show = {"show_commit", "select current_setting('synchronous_commit') = 'on'"};
    PGresult *result = NULL;
    assert_int_equal(pg_run(session, &show, &(struct pg_args){0}, &result), OK);
    const bool waits = pg_bool(result, 0, 0);
    PQclear(result);
    return waits;
}

static void a_relaxed_session_waits_for_transactions_alone(void **state)
{
    (void)state;
    struct pg *relaxed = pg_new_relaxed(&config);
    assert_false(waits_for_disk(relaxed));
    assert_int_equal(pg_begin(relaxed), OK);
    assert_true(waits_for_disk(relaxed));
    assert_int_equal(pg_commit(relaxed), OK);
    assert_false(waits_for_disk(relaxed));
    assert_int_equal(pg_set_patience(relaxed, 1000), OK);
    assert_false(waits_for_disk(relaxed));
    pg_free(&relaxed);
    assert_true(waits_for_disk(pg));
    assert_int_equal(pg_begin(pg), OK);
    assert_true(waits_for_disk(pg));
    pg_rollback(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(texts_arrive_as_they_are),
        SCHEMA_TEST(numbers_arrive_as_they_are),
        SCHEMA_TEST(bytes_arrive_as_they_are),
        SCHEMA_TEST(no_rows_of_an_empty_array),
        SCHEMA_TEST(errors_have_a_meaning),
        SCHEMA_TEST(a_statement_that_takes_too_long_is_given_up),
        SCHEMA_TEST(of_two_that_deadlock_one_is_told_to_try_again),
        SCHEMA_TEST(what_is_committed_stays),
        SCHEMA_TEST(what_is_rolled_back_was_never_there),
        SCHEMA_TEST(a_failed_transaction_does_not_commit),
        SCHEMA_TEST(a_transaction_that_was_forgotten_is_rolled_back),
        SCHEMA_TEST(a_commit_without_a_transaction_says_so),
        SCHEMA_TEST(a_beginning_that_fails_leaves_nothing_open),
        SCHEMA_TEST(a_relaxed_session_waits_for_transactions_alone),
    };
    return cmocka_run_group_tests_name("postgres", tests, postgres_set_up, postgres_tear_down);
}
