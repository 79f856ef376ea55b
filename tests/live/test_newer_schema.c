/* A schema that a newer program has migrated already, while this one still runs: new columns, tables and kinds of
 * wishes are none of its business (docs/scaling.md, Upgrading). */
#include "sql/outbox.h"

#include "sql/bindings.h"
#include "sql/sessions.h"
#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600000, NEW_KIND = OUTBOX_KINDS };

static void migrate_further(void)
{
    ask("alter table accounts add column of_the_future text not null default 'x'");
    ask("alter table sessions add column of_the_future integer");
    ask("alter table bindings add column of_the_future integer not null default 1");
    ask("create table of_the_future (account_id bigint primary key references accounts)");
    ask("alter table outbox drop constraint outbox_kind_check, add check (kind between 1 and 20)");
    ask("insert into schema_versions (version, checksum) values (9999, 'of the future')");
}

static void it_is_taken_as_it_is(void **state)
{
    (void)state;
    struct wish *wishes = NULL;
    struct session_hash *ended = NULL;
    const struct session_hash hash = {{1}};
    size_t count = 0;
    int64_t id[2];
    migrate_further();
    assert_int_equal(migrate(pg, false), OK);
    assert_int_equal(migrate(pg, true), OK);
    active_accounts(id, 2);
    assert_int_equal(sessions_open(pg, arena, id[0], SESSION_003, &hash, HOUR_MS, 3, &ended, &count), OK);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(
        bindings_want(pg, arena, id[0], &id[1], 1, &(struct want_terms){.agreed = true, .most = 10}, &wishes, &count),
        OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(count, 1);
}

static void wishes_of_new_kinds_are_left_to_who_knows_them(void **state)
{
    (void)state;
    const struct outbox_claim claim = {
        .owner = "here", .lease_ms = HOUR_MS, .register_wait_ms = HOUR_MS, .most = 10, .compares_most = 10};
    struct outbox_item *items = NULL;
    struct outbox_counts counts;
    size_t count = 0;
    int64_t id[1];
    migrate_further();
    active_accounts(id, 1);
    ask("insert into outbox (kind, low, version, attempts) values (%d, %lld, 1, 99), (20, %lld, 1, 99)", NEW_KIND,
        (long long)id[0], (long long)id[0]);
    assert_int_equal(outbox_add(pg, OUTBOX_CHECK_JID, id[0], NULL), OK);
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].kind, OUTBOX_CHECK_JID);
    assert_int_equal(outbox_count(pg, 8, &counts), OK);
    assert_int_equal(counts.waiting[OUTBOX_CHECK_JID], 1);
    assert_int_equal(counts.stuck, 0);
    assert_int_equal(ask("select count(*) from outbox where lease is null and kind > 7"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(it_is_taken_as_it_is),
        SCHEMA_TEST(wishes_of_new_kinds_are_left_to_who_knows_them),
    };
    return cmocka_run_group_tests_name("newer schema", tests, postgres_set_up, postgres_tear_down);
}
