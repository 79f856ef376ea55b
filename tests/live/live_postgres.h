/* What the tests of sql/ on a real Postgres share. Its connection string (keywords, not a URI) is in TEST_POSTGRES.
 * Each test has a schema of its own, migrated, which is dropped after it. What happens when Postgres goes away is in
 * test_postgres_faults.c, which owns one. */
#ifndef TESTS_LIVE_POSTGRES_H
#define TESTS_LIVE_POSTGRES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "sql/accounts.h"
#include "sql/migrate.h"
#include "sql/pg.h"

static char schema[17], url[512];
static struct pg_config config = {.connect_timeout_ms = 3000, .statement_timeout_ms = 5000};
static struct pg *pg;       /* what is tested */
static struct arena *arena; /* of the test */
static PGconn *own;         /* the test's own view, by libpq alone */

/* One number by a statement of the test's own. */
static inline int64_t ask(const char *format, ...) PRINTF_LIKE(1, 2);
static inline int64_t ask(const char *format, ...)
{
    char sql[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    PGresult *result = PQexec(own, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(own));
    const int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

/* Until a statement of sql/ waits for a lock. */
static inline void wait_until_one_waits(void)
{
    const int64_t until_ms = clock_ms() + 10000;
    while (ask("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = "
               "'registrard' and datname = current_database()") == 0)
        assert_true(clock_ms() < until_ms);
}

static inline void new_schema(void)
{
    random_text("abcdefghijklmnopqrstuvwxyz", sizeof schema - 1, schema);
    ask("create schema %s", schema);
    ask("set search_path = %s", schema);
    snprintf(url, sizeof url, "%s options='-csearch_path=%s'", getenv("TEST_POSTGRES"), schema);
    config.url = secret_of_cstr(url);
}

static inline int postgres_set_up(void **state)
{
    (void)state;
    if (getenv("TEST_POSTGRES") == NULL) {
        print_error("TEST_POSTGRES is not set\n");
        return -1;
    }
    own = PQconnectdb(getenv("TEST_POSTGRES"));
    if (PQstatus(own) != CONNECTION_OK) {
        print_error("%s", PQerrorMessage(own));
        return -1;
    }
    PQclear(PQexec(own, "set client_min_messages = warning"));
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

static inline int postgres_tear_down(void **state)
{
    (void)state;
    PQfinish(own);
    return 0;
}

/* Before and after each test. */
static inline int schema_set_up(void **state)
{
    (void)state;
    new_schema();
    arena = arena_new();
    pg = pg_new(&config);
    return migrate(pg, true) == OK ? 0 : -1;
}

static inline int schema_tear_down(void **state)
{
    (void)state;
    pg_free(&pg);
    arena_free(&arena);
    ask("drop schema %s cascade", schema);
    return 0;
}

#define SCHEMA_TEST(test) cmocka_unit_test_setup_teardown(test, schema_set_up, schema_tear_down)

/* --- accounts */

static inline struct new_account fresh_account(enum account_type type, const char *name)
{
    char *local = arena_alloc(arena, 25);
    random_text("abcdefghijkmnpqrstuvwxyz23456789", 24, local);
    return (struct new_account){.type = type,
                                .name = name,
                                .des = "a description",
                                .device_type = type == ACCOUNT_DEVICE ? "lamp" : "",
                                .salt = "abcdEFGH",
                                .jid_local = local,
                                .jid_password = {.key_id = 7, .bytes = (const uint8_t *)"sealed", .length = 6},
                                .verifier_v1 = "$argon2id$..."};
}

static inline int64_t pending_account(enum account_type type, const char *name)
{
    const struct new_account fresh = fresh_account(type, name);
    int64_t id = 0;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_true(id >= 1000);
    return id;
}

static inline int64_t active_account(enum account_type type, const char *name)
{
    const int64_t id = pending_account(type, name);
    assert_int_equal(accounts_activate(pg, id), OK);
    return id;
}

/* Devices d0, d1, ... */
static inline void active_accounts(int64_t *ids_r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ids_r[i] = active_account(ACCOUNT_DEVICE, arena_printf(arena, "d%zu", i));
}

static inline void cancel_account(int64_t id, enum account_state from)
{
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_cancel(pg, id, from), OK);
    assert_int_equal(pg_commit(pg), OK);
}

#endif
