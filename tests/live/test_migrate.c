/* Migrations (sql/migrate.h): run once, by whoever comes first, and never on a schema that is not what it seems. */
#include <sys/wait.h>
#include <unistd.h>

#include "sql/meta.h"
#include "tests/live/live_postgres.h"

enum { PROCESSES = 6, QUICK_MS = 200, SLOW_MS = 1500, USUAL_MS = 5000 };

static int empty_schema(void **state)
{
    (void)state;
    new_schema();
    arena = arena_new();
    pg = pg_new(&config);
    return 0;
}

#define EMPTY_TEST(test) cmocka_unit_test_setup_teardown(test, empty_schema, schema_tear_down)

static void a_second_run_does_nothing(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, true), OK);
    const int64_t versions = ask("select count(*) from schema_versions");
    assert_true(versions >= 1);
    active_account(ACCOUNT_DEVICE, "kept");
    assert_int_equal(migrate(pg, true), OK);
    assert_int_equal(migrate(pg, false), OK);
    assert_int_equal(ask("select count(*) from schema_versions"), versions);
    assert_int_equal(ask("select count(*) from accounts"), 1);
}

static void what_is_lacking_is_not_run_unless_allowed(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, false), ERR_CONFLICT);
    assert_int_equal(ask("select count(*) from pg_tables where schemaname = '%s'", schema), 0);
    assert_int_equal(migrate(pg, true), OK);
    ask("delete from schema_versions");
    assert_int_equal(migrate(pg, false), ERR_CONFLICT);
}

static void a_changed_migration_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, true), OK);
    ask("update schema_versions set checksum = repeat('0', 64) where version = 1");
    assert_int_equal(migrate(pg, true), ERR_CONFLICT);
    assert_int_equal(migrate(pg, false), ERR_CONFLICT);
}

static void a_newer_programs_migrations_are_fine(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, true), OK);
    ask("insert into schema_versions (version, checksum) values (9999, 'of a newer program')");
    assert_int_equal(migrate(pg, true), OK);
    assert_int_equal(migrate(pg, false), OK);
}

static void one_that_fails_leaves_nothing(void **state)
{
    (void)state;
    ask("create table roster_seen (in_the_way integer)"); /* in the midst of the first migration */
    assert_int_equal(migrate(pg, true), ERR_DB);
    assert_int_equal(ask("select count(*) from pg_tables where schemaname = '%s' and tablename = 'accounts'", schema),
                     0);
    assert_int_equal(ask("select count(*) from schema_versions"), 0);
    ask("drop table roster_seen");
    assert_int_equal(migrate(pg, true), OK);
}

static void who_comes_second_gives_up_in_time(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, true), OK);
    pg_free(&pg);
    config.statement_timeout_ms = QUICK_MS;
    pg = pg_new(&config);
    ask("begin");
    ask("select 1 from schema_lock for update");
    const int64_t before_ms = clock_ms();
    assert_int_equal(migrate(pg, true), ERR_DB_DOWN);
    assert_in_range(clock_ms() - before_ms, QUICK_MS - 10, USUAL_MS / 2);
    ask("commit");
    assert_int_equal(migrate(pg, true), OK);
    config.statement_timeout_ms = USUAL_MS;
}

static void *get_out_of_the_way(void *arg)
{
    usleep(SLOW_MS * 1000);
    ask("rollback");
    return arg;
}

/* The migration waits for a table of the same name, which in the end is not there. */
static void a_migration_may_take_longer_than_a_statement(void **state)
{
    (void)state;
    static const struct stmt sleep = {"sleep", "select pg_sleep(60)"};
    pthread_t thread;
    config.statement_timeout_ms = QUICK_MS;
    ask("begin");
    ask("create table accounts (in_the_way integer)");
    assert_int_equal(pthread_create(&thread, NULL, get_out_of_the_way, NULL), 0);
    assert_int_equal(migrate(pg, true), OK);
    pthread_join(thread, NULL);
    const int64_t before_ms = clock_ms();
    assert_int_equal(pg_do(pg, &sleep, &(struct pg_args){0}, NULL), ERR_DB_DOWN); /* and nothing else may */
    assert_in_range(clock_ms() - before_ms, QUICK_MS - 10, USUAL_MS / 2);
    config.statement_timeout_ms = USUAL_MS;
}

static void migrate_in_a_process(void)
{
    struct pg *session = pg_new(&config); /* connects here: nothing is shared over the fork */
    const enum err err = migrate(session, true);
    pg_free(&session);
    _exit(err == OK ? 0 : 1);
}

static void many_processes_at_once_migrate_once(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            migrate_in_a_process();
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ask("select count(*) from schema_versions where version = 1"), 1);
    assert_int_equal(migrate(pg, false), OK);
}

/* --- what the database knows of itself */

static void it_belongs_to_one_domain(void **state)
{
    (void)state;
    assert_int_equal(migrate(pg, true), OK);
    assert_int_equal(meta_claim_domain(pg, "example.org"), OK);
    assert_int_equal(meta_claim_domain(pg, "example.org"), OK);
    assert_int_equal(meta_claim_domain(pg, "example.net"), ERR_CONFLICT);
    assert_int_equal(meta_claim_domain(pg, "example.org"), OK);
}

static void its_epoch_only_rises(void **state)
{
    (void)state;
    int64_t epoch = -1;
    assert_int_equal(migrate(pg, true), OK);
    assert_int_equal(meta_epoch(pg, &epoch), OK);
    assert_int_equal(epoch, 0);
    for (int64_t before = 0, after = 0; before < 3; before++) {
        const int64_t last = epoch;
        assert_int_equal(meta_raise_epoch(pg, &epoch), OK);
        assert_true(epoch > last);
        assert_int_equal(meta_epoch(pg, &after), OK);
        assert_int_equal(epoch, after);
    }
    /* ahead of the clock, and in a database that was set back */
    int64_t later = 0;
    ask("update meta set value = (value::bigint + 1000000)::text where key = 'token_epoch'");
    assert_int_equal(meta_raise_epoch(pg, &later), OK);
    assert_true(later == epoch + 1000001);
    ask("update meta set value = '5' where key = 'token_epoch'");
    assert_int_equal(meta_raise_epoch(pg, &later), OK);
    assert_true(later > epoch - 10); /* those of one millisecond are numbered on */
}

static void a_value_is_kept_by_its_key(void **state)
{
    (void)state;
    const char *value = "";
    assert_int_equal(migrate(pg, true), OK);
    assert_int_equal(meta_get(pg, arena, "k", &value), OK);
    assert_null(value);
    assert_int_equal(meta_set(pg, "k", "first"), OK);
    assert_int_equal(meta_set(pg, "k", "second"), OK);
    assert_int_equal(meta_get(pg, arena, "k", &value), OK);
    assert_string_equal(value, "second");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMPTY_TEST(a_second_run_does_nothing),
        EMPTY_TEST(what_is_lacking_is_not_run_unless_allowed),
        EMPTY_TEST(a_changed_migration_is_noticed),
        EMPTY_TEST(a_newer_programs_migrations_are_fine),
        EMPTY_TEST(one_that_fails_leaves_nothing),
        EMPTY_TEST(who_comes_second_gives_up_in_time),
        EMPTY_TEST(a_migration_may_take_longer_than_a_statement),
        EMPTY_TEST(many_processes_at_once_migrate_once),
        EMPTY_TEST(it_belongs_to_one_domain),
        EMPTY_TEST(its_epoch_only_rises),
        EMPTY_TEST(a_value_is_kept_by_its_key),
    };
    return cmocka_run_group_tests_name("migrations", tests, postgres_set_up, postgres_tear_down);
}
