/* What a session with Postgres (sql/pg.h) does when the link is cut, and when Postgres is stopped, killed and back. The
 * tests own a Postgres, and a proxy in front of it that cuts where it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "sql/pg.h"
#include "tests/live/own_postgres.h"
#include "tests/live/postgres_proxy.h"

enum {
    CONNECT_MS = 700,
    STATEMENT_MS = 300,
    GRACE_MS = 500,
    SLACK_MS = 650 /* less than another deadline */,
    STARTS_WITHIN_MS = 20000
};

static struct own_postgres postgres;
static struct proxy proxy;
static struct pg_config straight = {.connect_timeout_ms = CONNECT_MS, .statement_timeout_ms = STATEMENT_MS};
static struct pg_config proxied = {.connect_timeout_ms = CONNECT_MS, .statement_timeout_ms = STATEMENT_MS};
static struct pg *pg;    /* through the proxy */
static struct pg *other; /* straight: what is true */

/* --- what the tests do */

static const struct stmt add = {"add", "insert into notes values ($1)"};

static enum err add_note(struct pg *session, const char *note)
{
    struct pg_args args = {0};
    pg_arg_text(&args, note);
    return pg_do(session, &add, &args, NULL);
}

static bool noted(const char *note)
{
    static const struct stmt find = {"find", "select 1 from notes where note = $1"};
    struct pg_args args = {0};
    int64_t rows = -1;
    pg_arg_text(&args, note);
    assert_int_equal(pg_do(other, &find, &args, &rows), OK);
    return rows == 1;
}

static void begin_with(const char *note)
{
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(add_note(pg, note), OK);
}

static void wait_until_up(struct pg *session)
{
    const int64_t until_ms = clock_ms() + STARTS_WITHIN_MS;
    while (pg_ping(session) != OK) {
        assert_true(clock_ms() < until_ms);
        usleep(10000);
    }
}

static void expect_within(int64_t before_ms, int64_t most_ms)
{
    const int64_t took_ms = clock_ms() - before_ms;
    if (took_ms > most_ms)
        fail_msg("took %lld ms", (long long)took_ms);
}

/* --- COMMIT */

static void cut_before_commit_nothing_was_done(void **state)
{
    (void)state;
    begin_with("before");
    proxy.fault = PROXY_CUT_BEFORE_COMMIT;
    assert_int_equal(pg_commit(pg), ERR_DB_DOWN);
    assert_false(noted("before"));
    assert_int_equal(add_note(pg, "next"), OK); /* and the session goes on */
    assert_true(noted("next"));
}

static void cut_after_commit_it_was_done(void **state)
{
    (void)state;
    begin_with("after");
    proxy.fault = PROXY_CUT_AFTER_COMMIT;
    assert_int_equal(pg_commit(pg), OK);
    assert_true(noted("after"));
}

/* The server waits for a client that is gone; left to itself it would hold the transaction's locks for long. */
static void a_commit_lost_on_the_way_is_ended(void **state)
{
    (void)state;
    static const struct stmt locks = {"locks", "select 1 from pg_locks where relation = 'notes'::regclass"};
    begin_with("lost");
    proxy.fault = PROXY_LOSE_COMMIT;
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_commit(pg), ERR_DB_DOWN);
    expect_within(before_ms, CONNECT_MS + SLACK_MS);
    assert_false(noted("lost"));
    int64_t held = -1;
    assert_int_equal(pg_do(other, &locks, &(struct pg_args){0}, &held), OK);
    assert_int_equal(held, 0);
}

static void what_cannot_be_looked_up_is_uncertain(enum proxy_fault fault, const char *note, bool done)
{
    begin_with(note);
    proxy.refuse = true;
    proxy.fault = fault;
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_commit(pg), ERR_UNCERTAIN);
    expect_within(before_ms, STATEMENT_MS + GRACE_MS + CONNECT_MS + SLACK_MS);
    assert_int_equal(noted(note), done);
    proxy.refuse = false;
}

static void without_a_way_to_ask_it_is_uncertain(void **state)
{
    (void)state;
    what_cannot_be_looked_up_is_uncertain(PROXY_CUT_BEFORE_COMMIT, "unknown, not done", false);
    wait_until_up(pg);
    what_cannot_be_looked_up_is_uncertain(PROXY_CUT_AFTER_COMMIT, "unknown, done", true);
    wait_until_up(pg);
}

/* --- a transaction whose connection is lost */

static void end_session_of_pg(void)
{
    static const struct stmt end = {"end", "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                                           "where pid <> pg_backend_pid() and backend_type = 'client backend'"};
    int64_t rows = 0;
    assert_int_equal(pg_do(other, &end, &(struct pg_args){0}, &rows), OK);
    assert_true(rows >= 1); /* one that it had before may not have noticed yet that it was cut off */
}

static void the_rest_of_a_broken_transaction_does_not_run(void **state)
{
    (void)state;
    begin_with("first");
    end_session_of_pg();
    assert_int_equal(add_note(pg, "second"), ERR_DB_DOWN);
    for (int i = 0; i < 20; i++) { /* however long it goes on, also once a connection could be had again */
        assert_int_equal(add_note(pg, "third"), ERR_DB_DOWN);
        usleep(20000);
    }
    assert_int_equal(pg_commit(pg), ERR_DB_DOWN);
    assert_false(noted("first"));
    assert_false(noted("second"));
    assert_false(noted("third"));
    begin_with("fourth");
    assert_int_equal(pg_commit(pg), OK);
    assert_true(noted("fourth"));
}

static void a_rollback_after_a_break_leaves_the_session_usable(void **state)
{
    (void)state;
    begin_with("broken");
    end_session_of_pg();
    pg_rollback(pg);
    assert_false(noted("broken"));
    assert_int_equal(add_note(pg, "usable"), OK);
    assert_true(noted("usable"));
}

/* A transaction that was broken before its COMMIT is not committed, whatever is asked. */
static void a_commit_after_a_break_finds_nothing_done(void **state)
{
    (void)state;
    begin_with("cut short");
    end_session_of_pg();
    assert_int_equal(pg_commit(pg), ERR_DB_DOWN);
    assert_false(noted("cut short"));
}

/* --- Postgres stopped, down, back */

static void a_stopped_postgres_costs_one_deadline(void **state)
{
    (void)state;
    own_postgres_signal_all(&postgres, SIGSTOP);
    int64_t before_ms = clock_ms();
    assert_int_equal(pg_ping(pg), ERR_DB_DOWN);
    expect_within(before_ms, STATEMENT_MS + GRACE_MS + SLACK_MS);
    before_ms = clock_ms();
    assert_int_equal(pg_ping(pg), ERR_DB_DOWN); /* connecting, now */
    expect_within(before_ms, CONNECT_MS + SLACK_MS);
    own_postgres_signal_all(&postgres, SIGCONT);
    wait_until_up(pg);
    wait_until_up(other);
}

static void a_commit_to_a_stopped_postgres_is_uncertain_in_time(void **state)
{
    (void)state;
    begin_with("stopped");
    own_postgres_signal_all(&postgres, SIGSTOP);
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_commit(pg), ERR_UNCERTAIN);
    expect_within(before_ms, STATEMENT_MS + GRACE_MS + 2 * CONNECT_MS + SLACK_MS);
    own_postgres_signal_all(&postgres, SIGCONT);
    wait_until_up(pg);
    wait_until_up(other);
}

static void while_down_the_answer_is_fast(void **state)
{
    (void)state;
    own_postgres_end(&postgres);
    assert_int_equal(pg_ping(pg), ERR_DB_DOWN);
    const int64_t before_ms = clock_ms();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pg_ping(pg), ERR_DB_DOWN);
    expect_within(before_ms, 2000);
    own_postgres_start(&postgres);
    wait_until_up(pg);
    wait_until_up(other);
}

/* The pause that failed attempts have earned is not kept. It is random, so this is done several times. */
static void who_insists_has_the_connection_as_soon_as_there_can_be_one(void **state)
{
    (void)state;
    int64_t took_ms = 0;
    for (int i = 0; i < 4; i++) {
        what_cannot_be_looked_up_is_uncertain(PROXY_CUT_BEFORE_COMMIT, "lost", false);
        const int64_t before_ms = clock_ms();
        assert_int_equal(pg_reconnect(pg), OK);
        took_ms += clock_ms() - before_ms;
    }
    assert_in_range(took_ms, 0, 1000);
}

static void who_insists_gives_up_in_time(void **state)
{
    (void)state;
    own_postgres_end(&postgres);
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_reconnect(pg), ERR_DB_DOWN);
    expect_within(before_ms, CONNECT_MS + SLACK_MS);
    own_postgres_start(&postgres);
    wait_until_up(pg);
    wait_until_up(other);
}

static void a_restart_between_two_statements_costs_none(void **state)
{
    (void)state;
    assert_int_equal(add_note(pg, "day"), OK);
    own_postgres_end(&postgres);
    own_postgres_start(&postgres);
    wait_until_up(other);
    assert_int_equal(add_note(pg, "night"), OK);
    assert_true(noted("night"));
}

/* --- each test on a Postgres that is up, with an empty table */

static int group_set_up(void **state)
{
    (void)state;
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    if (!own_postgres_new(&postgres))
        return -1;
    straight.url = secret_of_cstr(postgres.url);
    other = pg_new(&straight);
    wait_until_up(other);
    if (!proxy_start(&proxy, postgres.directory))
        return -1;
    proxied.url = secret_of_cstr(proxy.url);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    pg_free(&other);
    proxy_stop(&proxy);
    own_postgres_free(&postgres);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    pg = pg_new(&proxied);
    return pg_script(other, "drop table if exists notes; create table notes (note text primary key)") == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pg_free(&pg);
    return 0;
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(cut_before_commit_nothing_was_done),
        FAULT_TEST(cut_after_commit_it_was_done),
        FAULT_TEST(a_commit_lost_on_the_way_is_ended),
        FAULT_TEST(without_a_way_to_ask_it_is_uncertain),
        FAULT_TEST(the_rest_of_a_broken_transaction_does_not_run),
        FAULT_TEST(a_rollback_after_a_break_leaves_the_session_usable),
        FAULT_TEST(a_commit_after_a_break_finds_nothing_done),
        FAULT_TEST(a_stopped_postgres_costs_one_deadline),
        FAULT_TEST(a_commit_to_a_stopped_postgres_is_uncertain_in_time),
        FAULT_TEST(while_down_the_answer_is_fast),
        FAULT_TEST(who_insists_has_the_connection_as_soon_as_there_can_be_one),
        FAULT_TEST(who_insists_gives_up_in_time),
        FAULT_TEST(a_restart_between_two_statements_costs_none),
    };
    return cmocka_run_group_tests_name("postgres faults", tests, group_set_up, group_tear_down);
}
