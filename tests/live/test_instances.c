/* Several processes on one database (sql/instances.h), and a database that was set back (component/service/restored.h),
 * on a real Postgres and Redis. */
#include "sql/instances.h"

#include "component/cache/alive.h"
#include "component/cache/redis.h"
#include "component/service/restored.h"
#include "sql/meta.h"
#include "sql/sessions.h"
#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600000 };

static const struct instance first = {"a", "1", "a.example.org", "v1"}, again = {"a", "2", "a.example.org", "v2"},
                             other = {"b", "3", "b.example.org", "v1"};
static struct redis_config redis_config = {.timeout_ms = 2000},
                           nowhere = {.address = "/nonexistent", .timeout_ms = 100};
static struct redis *redis;

static int64_t beat(const struct instance *instance)
{
    int64_t holder = -1;
    assert_int_equal(instances_beat(pg, instance, &holder), OK);
    return holder;
}

static void age(const char *name)
{
    ask("update instances set seen_at = now() - interval '1 minute' where name = '%s'", name);
}

static size_t mourned_by(const char *name)
{
    struct instance_seen *dead = NULL;
    size_t count = 99;
    assert_int_equal(instances_mourn(pg, arena, name, &dead, &count), OK);
    return count;
}

static void a_name_belongs_to_who_lives(void **state)
{
    (void)state;
    assert_int_equal(beat(&first), 0);
    assert_int_equal(beat(&other), 0);
    const int64_t seen = beat(&again);
    assert_true(seen > 0);
    assert_int_equal(beat(&again), seen); /* it did not move: perhaps nobody is there */
    assert_int_equal(beat(&first), 0);
    assert_true(beat(&again) > seen); /* it did */
    age("a");
    assert_int_equal(beat(&again), 0); /* dead: the name is free */
    assert_true(beat(&first) > 0);
    assert_int_equal(ask("select count(*) from instances where name = 'a' and process = '2' and version = 'v2'"), 1);
    assert_int_equal(instances_leave(pg, &first), OK); /* it is not its any more */
    assert_true(beat(&first) > 0);
    assert_int_equal(instances_leave(pg, &again), OK);
    assert_int_equal(beat(&first), 0);
}

static void the_dead_are_mourned_once(void **state)
{
    (void)state;
    int64_t before = 0, after = 0;
    beat(&first);
    beat(&other);
    assert_int_equal(meta_raise_epoch(pg, &before), OK);
    assert_int_equal(mourned_by("b"), 0);
    age("a");
    assert_int_equal(mourned_by("a"), 0); /* not oneself */
    assert_int_equal(meta_epoch(pg, &after), OK);
    assert_int_equal(after, before);
    assert_int_equal(mourned_by("b"), 1);
    assert_int_equal(meta_epoch(pg, &after), OK);
    assert_true(after > before);
    assert_int_equal(mourned_by("b"), 0);
    assert_int_equal(beat(&first), 0); /* it was only slow */
    struct instance_seen *seen = NULL;
    size_t count = 0;
    assert_int_equal(instances_list(pg, arena, &seen, &count), OK);
    assert_int_equal(count, 2);
    assert_string_equal(seen[0].name, "a");
    assert_string_equal(seen[1].component, "b.example.org");
    assert_true(seen[0].silent_ms < INSTANCE_SILENT_MS);
}

/* --- a database that was set back */

static const char *identity(void)
{
    const char *text = NULL;
    assert_int_equal(meta_identity(pg, arena, &text), OK);
    return text;
}

static void open_session(int64_t account_id)
{
    const struct session_hash hash = {{(uint8_t)account_id}};
    struct session_hash *ended = NULL;
    size_t count = 0;
    assert_int_equal(sessions_open(pg, arena, account_id, SESSION_003, &hash, HOUR_MS, 3, &ended, &count), OK);
}

static void sessions_stay_while_the_database_goes_on(void **state)
{
    (void)state;
    open_session(active_account(ACCOUNT_DEVICE, "d"));
    int64_t known = 0, reached = 0, epoch = 0, after = 0;
    assert_int_equal(meta_raise_epoch(pg, &epoch), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(restored_check(pg, redis), OK);
        assert_int_equal(alive_get(redis, identity(), &known), OK);
        assert_int_equal(meta_alive(pg, &reached), OK);
        assert_true(known > 0 && known == reached);
    }
    assert_int_equal(alive_set(redis, identity(), known - HOUR_MS), OK); /* Redis was set back, or was away */
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(alive_set(redis, identity(), known + 5000), OK); /* less than we care for */
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(meta_epoch(pg, &after), OK);
    assert_int_equal(after, epoch);
    assert_int_equal(ask("select count(*) from sessions"), 1);
}

static void they_end_when_it_was_set_back(void **state)
{
    (void)state;
    open_session(active_account(ACCOUNT_DEVICE, "d"));
    open_session(active_account(ACCOUNT_DEVICE, "e"));
    int64_t epoch = 0, after = 0, known = 0;
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(meta_raise_epoch(pg, &epoch), OK);
    ask("update meta set value = (value::bigint - 60000)::text where key = 'alive_ms'");
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(ask("select count(*) from sessions"), 0);
    assert_int_equal(meta_epoch(pg, &after), OK);
    assert_true(after > epoch);
    open_session(active_account(ACCOUNT_DEVICE, "f"));
    assert_int_equal(restored_check(pg, redis), OK); /* once */
    assert_int_equal(ask("select count(*) from sessions"), 1);
    /* and one that had never been written to: a dump of before the first start */
    ask("delete from meta where key = 'alive_ms'");
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(ask("select count(*) from sessions"), 0);
    assert_int_equal(alive_get(redis, identity(), &known), OK);
    assert_true(known > 0);
}

static void without_redis_nothing_is_noted(void **state)
{
    (void)state;
    struct redis *none = redis_new(&nowhere);
    int64_t before = 0, after = 0;
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(meta_alive(pg, &before), OK);
    assert_int_equal(restored_check(pg, none), ERR_CACHE_DOWN);
    assert_int_equal(meta_alive(pg, &after), OK);
    assert_int_equal(after, before);
    redis_free(&none);
}

static void databases_are_told_apart(void **state)
{
    (void)state;
    const char *before = identity();
    open_session(active_account(ACCOUNT_DEVICE, "d"));
    assert_string_equal(identity(), before);
    assert_int_equal(alive_set(redis, "another", INT64_MAX / 2), OK);
    assert_int_equal(restored_check(pg, redis), OK);
    assert_int_equal(ask("select count(*) from sessions"), 1);
}

static void many_sessions_end_in_batches(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    int64_t count = 0;
    ask("insert into sessions (hash, account_id, dialect, expires_at) select sha256(n::text::bytea), %lld, 3, now() + "
        "interval '1 day' from generate_series(1, 20001) n",
        (long long)id);
    assert_int_equal(sessions_end_everywhere(pg, &count), OK);
    assert_int_equal(count, 20001);
    assert_int_equal(ask("select count(*) from sessions"), 0);
}

static int set_up(void **state)
{
    redis_config.address = getenv("TEST_REDIS");
    redis = redis_new(&redis_config);
    return schema_set_up(state);
}

static int tear_down(void **state)
{
    redis_free(&redis);
    return schema_tear_down(state);
}

#define INSTANCE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(a_name_belongs_to_who_lives),
        INSTANCE_TEST(the_dead_are_mourned_once),
        INSTANCE_TEST(sessions_stay_while_the_database_goes_on),
        INSTANCE_TEST(they_end_when_it_was_set_back),
        INSTANCE_TEST(without_redis_nothing_is_noted),
        INSTANCE_TEST(databases_are_told_apart),
        INSTANCE_TEST(many_sessions_end_in_batches),
    };
    return cmocka_run_group_tests_name("instances", tests, postgres_set_up, postgres_tear_down);
}
