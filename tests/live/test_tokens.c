/* Tokens (component/service/tokens.h) on a real Postgres and Redis: where a check is answered from, and that no cache
 * answers for one that ended, whatever was away when it did. */
#include "component/service/tokens.h"

#include <unistd.h>

#include "component/base/metrics.h"
#include "component/cache/redis.h"
#include "component/cache/token_cache.h"
#include "component/service/services.h"
#include "sql/meta.h"
#include "sql/sessions.h"
#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600000, MOST = 3 };

/* A process: its memory, its epoch, one worker. */
struct process {
    struct services services;
    struct worker worker;
};

static const struct redis_config here = {.timeout_ms = 2000}, nowhere = {.address = "/nonexistent", .timeout_ms = 100};
static struct redis_config redis_config;
static struct pg_config no_postgres = {.connect_timeout_ms = 100, .statement_timeout_ms = 100};
static struct process one, other;

static void process_new(struct process *process)
{
    int64_t epoch = 0;
    assert_int_equal(meta_epoch(pg, &epoch), OK);
    process->services = (struct services){
        .settings = {.token_lifetime_ms = HOUR_MS, .tokens_per_account = MOST, .token_cache_lifetime_ms = HOUR_MS},
        .token_memory = token_memory_new(100, 60000),
        .epoch = epoch};
    process->worker = (struct worker){.pg = pg_new(&config), .redis = redis_new(&redis_config)};
    token_memory_open(process->services.token_memory, true);
}

static void process_free(struct process *process)
{
    pg_free(&process->worker.pg);
    redis_free(&process->worker.redis);
    token_memory_free(&process->services.token_memory);
}

static int set_up(void **state)
{
    redis_config = here;
    redis_config.address = getenv("TEST_REDIS");
    no_postgres.url = secret_of_cstr("host=/nonexistent");
    if (redis_config.address == NULL || schema_set_up(state) != 0)
        return -1;
    process_new(&one);
    process_new(&other);
    return 0;
}

static int tear_down(void **state)
{
    process_free(&one);
    process_free(&other);
    return schema_tear_down(state);
}

static struct secret issued(int64_t account_id)
{
    struct secret token;
    assert_int_equal(tokens_issue(&one.services, &one.worker, arena, account_id, &token), OK);
    return token;
}

static enum err check(struct process *process, struct secret token)
{
    struct credential credential = {.token = token};
    return tokens_check(&process->services, &process->worker, &credential);
}

static struct session_hash hash_of(struct secret token)
{
    struct session_hash hash;
    sha256(secret_expose(token), token.length, hash.bytes);
    return hash;
}

/* Ends all sessions of the account in Postgres and tells the caches, as `process`. */
static void end_all(struct process *process, int64_t account_id)
{
    struct session_hash *ended;
    size_t count;
    assert_int_equal(sessions_end_all(pg, arena, account_id, &ended, &count), OK);
    tokens_revoke(&process->services, &process->worker, ended, count);
}

static void lose_redis(struct process *process)
{
    redis_free(&process->worker.redis);
    process->worker.redis = redis_new(&nowhere);
}

static void find_redis(struct process *process)
{
    redis_free(&process->worker.redis);
    process->worker.redis = redis_new(&redis_config);
}

/* --- where the answer comes from */

static int64_t answered(const char *from)
{
    return metric_get(M_TOKEN_CHECKS, from);
}

static void a_check_comes_nearer_each_time(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret token = issued(id);
    const int64_t postgres = answered("postgres"), redis = answered("redis"), memory = answered("memory");
    struct credential credential = {.token = token};
    enum err err;
    assert_false(tokens_check_here(&one.services, &credential, &err)); /* nobody has asked yet */
    assert_int_equal(tokens_check(&one.services, &one.worker, &credential), OK);
    assert_int_equal(credential.account_id, id);
    assert_int_equal(answered("postgres"), postgres + 1);
    credential.account_id = 0;
    assert_true(tokens_check_here(&one.services, &credential, &err));
    assert_int_equal(err, OK);
    assert_int_equal(credential.account_id, id);
    assert_int_equal(answered("memory"), memory + 1);
    ask("delete from sessions"); /* nobody asks there any more */
    assert_int_equal(check(&other, token), OK);
    assert_int_equal(answered("redis"), redis + 1);
    assert_int_equal(answered("postgres"), postgres + 1);
}

static void what_is_no_token_costs_nothing(void **state)
{
    (void)state;
    static const struct {
        struct credential credential;
        enum err err;
    } cases[] = {
        {{.backend = false}, ERR_UNAUTHORIZED},
        {{.backend = true}, OK},
    };
    enum err err;
    for (size_t i = 0; i < 2; i++) {
        struct credential credential = cases[i].credential;
        assert_true(tokens_check_here(&one.services, &credential, &err));
        assert_int_equal(err, cases[i].err);
    }
    struct credential odd = {.token = secret_of_cstr("too short")};
    assert_true(tokens_check_here(&one.services, &odd, &err));
    assert_int_equal(err, ERR_TOKEN);
    odd = (struct credential){.token = secret_of_cstr("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), .backend = true};
    assert_false(tokens_check_here(&one.services, &odd, &err)); /* who sends a token is asked for it */
    assert_int_equal(tokens_check(&one.services, &one.worker, &odd), ERR_TOKEN);
}

static void redis_away_costs_a_query_and_no_more(void **state)
{
    (void)state;
    const struct secret token = issued(active_account(ACCOUNT_DEVICE, "d"));
    lose_redis(&one);
    assert_int_equal(check(&one, token), OK);
    const int64_t postgres = answered("postgres");
    assert_int_equal(check(&one, token), OK); /* from memory */
    assert_int_equal(answered("postgres"), postgres);
}

/* --- how one ends */

static void an_expired_one_says_so_from_everywhere(void **state)
{
    (void)state;
    one.services.settings.token_lifetime_ms = 1000;
    const struct secret token = issued(active_account(ACCOUNT_DEVICE, "d"));
    assert_int_equal(check(&one, token), OK);
    assert_int_equal(check(&other, token), OK);
    usleep(2200000); /* the clocks that say so count in whole seconds, too */
    assert_int_equal(check(&one, token), ERR_TOKEN_EXPIRED);
    assert_int_equal(check(&other, token), ERR_TOKEN_EXPIRED);
}

static void one_that_ended_is_in_no_cache(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret token = issued(id);
    assert_int_equal(check(&one, token), OK);
    end_all(&one, id);
    assert_int_equal(check(&one, token), ERR_TOKEN);
    assert_int_equal(check(&other, token), ERR_TOKEN);
}

static void the_oldest_of_too_many_is_in_no_cache(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret first = issued(id);
    assert_int_equal(check(&one, first), OK);
    for (int i = 0; i < MOST; i++)
        issued(id);
    assert_int_equal(check(&one, first), ERR_TOKEN);
    assert_int_equal(check(&other, first), ERR_TOKEN);
}

static void a_banned_ones_token_is_none(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret token = issued(id);
    ask("update accounts set banned_at = now()");
    assert_int_equal(check(&one, token), ERR_TOKEN);
    struct secret none;
    assert_int_equal(tokens_issue(&one.services, &one.worker, arena, id, &none), ERR_NOT_FOUND);
}

/* --- Redis missed it */

static void a_new_epoch_tells_everybody(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret token = issued(id);
    assert_int_equal(check(&one, token), OK);
    assert_int_equal(check(&other, token), OK); /* in both memories and in Redis now */
    lose_redis(&one);
    end_all(&one, id);
    find_redis(&one);
    assert_int_equal(check(&one, token), ERR_TOKEN);
    assert_int_equal(tokens_follow_epoch(&other.services, &other.worker), OK);
    assert_int_equal(check(&other, token), ERR_TOKEN);
    assert_true(one.services.epoch == other.services.epoch);
}

static void until_postgres_knows_redis_is_not_asked(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct secret token = issued(id);
    struct pg *postgres = one.worker.pg;
    assert_int_equal(check(&one, token), OK);
    lose_redis(&one);
    one.worker.pg = pg_new(&no_postgres); /* committed, and then away too */
    end_all(&one, id);
    assert_int_equal(tokens_follow_epoch(&one.services, &one.worker), ERR_DB_DOWN);
    find_redis(&one); /* which still holds it */
    assert_int_equal(check(&one, token), ERR_DB_DOWN);
    pg_free(&one.worker.pg);
    one.worker.pg = postgres;
    assert_int_equal(check(&one, token), ERR_TOKEN);
    assert_int_equal(check(&other, token), OK); /* cannot know yet */
    assert_int_equal(tokens_follow_epoch(&one.services, &one.worker), OK);
    assert_int_equal(tokens_follow_epoch(&other.services, &other.worker), OK);
    assert_int_equal(check(&other, token), ERR_TOKEN);
    assert_true(one.services.epoch_missed == one.services.epoch_told);
    const struct secret next = issued(id); /* and Redis is trusted again */
    const int64_t redis = answered("redis");
    assert_int_equal(check(&one, next), OK);
    assert_int_equal(check(&other, next), OK);
    assert_int_equal(answered("redis"), redis + 1);
}

static void an_epoch_never_goes_back(void **state)
{
    (void)state;
    const struct session_hash unknown = {{1}};
    int64_t epoch = 0;
    lose_redis(&one);
    for (int i = 0; i < 3; i++) {
        tokens_revoke(&one.services, &one.worker, &unknown, 1);
        assert_int_equal(meta_raise_epoch(pg, &epoch), OK);
        const int64_t before = one.services.epoch;
        assert_int_equal(tokens_follow_epoch(&one.services, &one.worker), OK);
        assert_true(one.services.epoch == epoch && epoch > before);
    }
    one.services.epoch = epoch + HOUR_MS; /* as if another thread of this process had been quicker */
    tokens_revoke(&one.services, &one.worker, &unknown, 1);
    assert_true(one.services.epoch == epoch + HOUR_MS);
}

/* The sessions may have ended or not: only Postgres counts. */
static void a_doubt_empties_the_caches(void **state)
{
    (void)state;
    const struct secret ended = issued(active_account(ACCOUNT_DEVICE, "a")),
                        open = issued(active_account(ACCOUNT_DEVICE, "b"));
    const struct session_hash hash = hash_of(ended);
    assert_int_equal(check(&one, ended), OK);
    assert_int_equal(check(&one, open), OK);
    char *hex = arena_alloc(arena, 65);
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash.bytes[i]);
    ask("delete from sessions where hash = decode('%s', 'hex')", hex);
    tokens_doubt(&one.services, &one.worker);
    assert_int_equal(check(&one, ended), ERR_TOKEN);
    assert_int_equal(check(&one, open), OK);
    assert_int_equal(tokens_follow_epoch(&other.services, &other.worker), OK);
    assert_int_equal(check(&other, ended), ERR_TOKEN);
}

#define TOKEN_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOKEN_TEST(a_check_comes_nearer_each_time),
        TOKEN_TEST(what_is_no_token_costs_nothing),
        TOKEN_TEST(redis_away_costs_a_query_and_no_more),
        TOKEN_TEST(an_expired_one_says_so_from_everywhere),
        TOKEN_TEST(one_that_ended_is_in_no_cache),
        TOKEN_TEST(the_oldest_of_too_many_is_in_no_cache),
        TOKEN_TEST(a_banned_ones_token_is_none),
        TOKEN_TEST(a_new_epoch_tells_everybody),
        TOKEN_TEST(until_postgres_knows_redis_is_not_asked),
        TOKEN_TEST(an_epoch_never_goes_back),
        TOKEN_TEST(a_doubt_empties_the_caches),
    };
    return cmocka_run_group_tests_name("tokens", tests, postgres_set_up, postgres_tear_down);
}
