/* What the cache does when Redis is killed, stopped, and comes back: each test has a Redis of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/cache/limits.h"
#include "component/cache/pictures.h"
#include "component/cache/redis.h"
#include "component/cache/token_cache.h"
#include "tests/live/own_redis.h"

enum {
    TIMEOUT_MS = 800,
    SLACK_MS = 700 /* less than another deadline */,
    STARTS_WITHIN_MS = 10000,
    HOUR_MS = 3600 * 1000,
    WORKERS = 8
};

struct setting {
    struct own_redis own;
    struct redis_config config;
    struct redis *redis;
    struct keyring *ring;
};

static enum err ask(struct redis *redis)
{
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "GET registrar:nothing");
    if (err == OK)
        freeReplyObject(reply);
    return err;
}

static void wait_until_up(struct redis *redis)
{
    int64_t until_ms = clock_ms() + STARTS_WITHIN_MS;
    while (ask(redis) != OK) {
        assert_true(clock_ms() < until_ms);
        usleep(10 * 1000);
    }
}

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof *setting);
    *state = setting;
    if (!own_redis_new(&setting->own))
        return -1;
    setting->config = (struct redis_config){.address = setting->own.socket, .timeout_ms = TIMEOUT_MS};
    setting->redis = redis_new(&setting->config);
    wait_until_up(setting->redis);
    return keyring_new(secret_of_cstr("1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
                       &setting->ring) == OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    redis_free(&setting->redis);
    keyring_free(&setting->ring);
    own_redis_free(&setting->own);
    free(setting);
    return 0;
}

static void a_stopped_redis_costs_one_deadline(void **state)
{
    struct setting *setting = *state;
    own_redis_signal(&setting->own, SIGSTOP);
    int64_t before_ms = clock_ms();
    assert_int_equal(ask(setting->redis), ERR_CACHE_DOWN);
    assert_in_range(clock_ms() - before_ms, TIMEOUT_MS - 5, TIMEOUT_MS + SLACK_MS);
    /* It accepts connections even so: they must not cost more than a deadline either. */
    usleep(100 * 1000);
    before_ms = clock_ms();
    assert_int_equal(ask(setting->redis), ERR_CACHE_DOWN);
    assert_in_range(clock_ms() - before_ms, 0, TIMEOUT_MS + SLACK_MS);
    own_redis_signal(&setting->own, SIGCONT);
    before_ms = clock_ms();
    wait_until_up(setting->redis);
    assert_in_range(clock_ms() - before_ms, 0, 1000 + SLACK_MS);
}

/* With Redis stopped for long, nearly all calls fail at once. */
static void a_stopped_redis_costs_few_calls_a_deadline(void **state)
{
    struct setting *setting = *state;
    own_redis_signal(&setting->own, SIGSTOP);
    int slow = 0, calls = 0;
    for (int64_t until_ms = clock_ms() + 5000; clock_ms() < until_ms; calls++) {
        int64_t before_ms = clock_ms();
        assert_int_equal(ask(setting->redis), ERR_CACHE_DOWN);
        slow += clock_ms() - before_ms > TIMEOUT_MS / 2;
        usleep(5 * 1000);
    }
    assert_true(calls > 50);
    assert_in_range(slow, 1, 7);
    own_redis_signal(&setting->own, SIGCONT);
}

static void what_was_answered_is_kept_over_a_kill(void **state)
{
    struct setting *setting = *state;
    char taken[PICTURE_ID_SIZE], kept[PICTURE_ID_SIZE];
    struct token_key key;
    random_bytes(key.hash, sizeof key.hash);
    struct limit limit = {.what = "test", .who = "somebody", .most = 2, .period_ms = HOUR_MS};
    unsigned wait_s = 0;
    assert_int_equal(pictures_put(setting->redis, setting->ring, "ACE23", HOUR_MS, taken), OK);
    assert_int_equal(pictures_put(setting->redis, setting->ring, "ACE23", HOUR_MS, kept), OK);
    assert_int_equal(pictures_take(setting->redis, setting->ring, taken, "ACE23"), OK);
    assert_int_equal(limits_pass(setting->redis, &limit, 1, &wait_s), OK);
    assert_int_equal(token_cache_revoke(setting->redis, &key, 1, HOUR_MS), OK);
    own_redis_kill(&setting->own);
    assert_int_equal(pictures_take(setting->redis, setting->ring, kept, "ACE23"), ERR_CACHE_DOWN);
    assert_int_equal(limits_pass(setting->redis, &limit, 1, &wait_s), ERR_CACHE_DOWN);
    own_redis_start(&setting->own);
    wait_until_up(setting->redis);
    struct token_entry entry;
    assert_int_equal(pictures_take(setting->redis, setting->ring, taken, "ACE23"), ERR_PICTURE);
    assert_int_equal(pictures_take(setting->redis, setting->ring, kept, "ACE23"), OK);
    assert_int_equal(token_cache_get(setting->redis, 1, &key, &entry), ERR_TOKEN);
    assert_int_equal(limits_pass(setting->redis, &limit, 1, &wait_s), OK); /* scripts are gone, counters are not */
    assert_int_equal(limits_pass(setting->redis, &limit, 1, &wait_s), ERR_LIMITED);
}

static long append_only_size(const struct own_redis *own)
{
    char path[96];
    struct stat status;
    snprintf(path, sizeof path, "%s/appendonlydir/appendonly.aof.1.incr.aof", own->directory);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void forget_what_came_after(const struct own_redis *own, long size)
{
    char path[96];
    snprintf(path, sizeof path, "%s/appendonlydir/appendonly.aof.1.incr.aof", own->directory);
    assert_int_equal(truncate(path, size), 0);
}

/* Redis dies before the tombstone is on the disk, and comes back with the entry that stood there before. */
static void a_forgotten_tombstone_brings_no_token_back(void **state)
{
    struct setting *setting = *state;
    struct token_key key = {{1}};
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = (clock_unix() + 3600) * 1000};
    assert_int_equal(token_cache_put(setting->redis, 7, &key, &entry, HOUR_MS), OK);
    assert_int_equal(token_cache_get(setting->redis, 7, &key, &entry), OK);
    long before = append_only_size(&setting->own);
    assert_int_equal(token_cache_revoke(setting->redis, &key, 1, HOUR_MS), OK);
    own_redis_kill(&setting->own);
    forget_what_came_after(&setting->own, before);
    own_redis_start(&setting->own);
    wait_until_up(setting->redis);
    char name[96] = "registrar:t:01";
    memset(name + strlen(name), '0', 62);
    redisReply *reply = NULL;
    assert_int_equal(redis_do(setting->redis, &reply, "GET %s", name), OK);
    assert_int_equal(reply->type, REDIS_REPLY_STRING); /* it is back indeed */
    assert_true(reply->len > 1);
    freeReplyObject(reply);
    assert_int_equal(token_cache_get(setting->redis, 7, &key, &entry), ERR_NOT_FOUND);
    assert_int_equal(token_cache_put(setting->redis, 7, &key, &entry, HOUR_MS), OK); /* Postgres says it is valid */
    assert_int_equal(token_cache_get(setting->redis, 7, &key, &entry), OK);
}

/* A worker counts on a limit that is never reached; every event it was told is counted must be there afterwards. */
struct worker {
    const struct redis_config *config;
    const struct limit *limit;
    atomic_bool *stop;
    int passed, failed, strange;
    int64_t longest_ms;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct redis *redis = redis_new(worker->config);
    while (!atomic_load(worker->stop)) {
        unsigned wait_s = 0;
        int64_t before_ms = clock_ms();
        enum err err = limits_pass(redis, worker->limit, 1, &wait_s);
        int64_t took_ms = clock_ms() - before_ms;
        if (took_ms > worker->longest_ms)
            worker->longest_ms = took_ms;
        worker->passed += err == OK;
        worker->failed += err == ERR_CACHE_DOWN;
        worker->strange += err != OK && err != ERR_CACHE_DOWN;
        usleep(err == OK ? 100 : 2000);
    }
    redis_free(&redis);
    return NULL;
}

static int counted(struct redis *redis, const char *key)
{
    redisReply *reply = NULL;
    long long bucket = 0;
    int current = 0, previous = 0;
    assert_int_equal(redis_do(redis, &reply, "GET %s", key), OK);
    assert_int_equal(sscanf(reply->str, "%lld %d %d", &bucket, &current, &previous), 3);
    freeReplyObject(reply);
    return current + previous;
}

static void workers_survive_kills(void **state)
{
    struct setting *setting = *state;
    struct limit limit = {.what = "kills", .who = "all", .most = 1000000000, .period_ms = HOUR_MS};
    atomic_bool stop = false;
    struct worker workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.config = &setting->config, .limit = &limit, .stop = &stop};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        usleep(300 * 1000);
        own_redis_kill(&setting->own);
        usleep(100 * 1000);
        own_redis_start(&setting->own);
    }
    usleep(1500 * 1000);
    atomic_store(&stop, true);
    int passed = 0, failed = 0;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].strange, 0);
        assert_true(workers[i].passed > 10);
        assert_in_range(workers[i].longest_ms, 0, TIMEOUT_MS + SLACK_MS);
        passed += workers[i].passed;
        failed += workers[i].failed;
    }
    wait_until_up(setting->redis);
    int in_redis = counted(setting->redis, "registrar:l:kills:3600000:all");
    print_message("%d passed, %d failed, %d counted\n", passed, failed, in_redis);
    /* What was counted without an answer is what was under way at the kills: one a worker each time. */
    assert_in_range(in_redis, passed, passed + 3 * WORKERS);
}

/* --- the listener */

/* The memory is open when it keeps what is put. */
static bool is_open(struct token_memory *memory)
{
    static const struct token_key key = {{42}};
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = (clock_unix() + 3600) * 1000};
    token_memory_put(memory, token_memory_generation(memory), &key, &entry);
    return token_memory_get(memory, &key, &entry);
}

/* How long until it is open, or closed. */
static int64_t wait_for_memory(struct token_memory *memory, bool open, int64_t within_ms)
{
    int64_t before_ms = clock_ms();
    while (is_open(memory) != open) {
        assert_true(clock_ms() - before_ms < within_ms);
        usleep(1000);
    }
    return clock_ms() - before_ms;
}

static void a_silent_redis_closes_the_memory(void **state)
{
    struct setting *setting = *state;
    struct token_memory *memory = token_memory_new(1024, HOUR_MS);
    struct token_listener *listener = NULL;
    assert_int_equal(token_listener_start(&setting->config, memory, &listener), OK);
    wait_for_memory(memory, true, STARTS_WITHIN_MS);
    for (int64_t until_ms = clock_ms() + 1500; clock_ms() < until_ms; usleep(5000))
        assert_true(is_open(memory));       /* pings keep it so */
    int64_t quickest_ms = STARTS_WITHIN_MS; /* a machine may stand still for a while */
    for (int i = 0; i < 3; i++) {
        usleep((useconds_t)random_below(300) * 1000);
        int64_t before_ms = clock_ms();
        own_redis_signal(&setting->own, SIGSTOP);
        wait_for_memory(memory, false, 2500);
        int64_t took_ms = clock_ms() - before_ms;
        print_message("closed %ld ms after the stop\n", (long)took_ms);
        assert_true(took_ms >= 490);
        quickest_ms = took_ms < quickest_ms ? took_ms : quickest_ms;
        own_redis_signal(&setting->own, SIGCONT);
        wait_for_memory(memory, true, STARTS_WITHIN_MS);
    }
    assert_in_range(quickest_ms, 490, 1000);
    token_listener_stop(&listener);
    assert_false(is_open(memory));
    token_memory_free(&memory);
}

static void a_killed_redis_closes_the_memory_at_once(void **state)
{
    struct setting *setting = *state;
    struct token_memory *memory = token_memory_new(1024, HOUR_MS);
    struct token_listener *listener = NULL;
    assert_int_equal(token_listener_start(&setting->config, memory, &listener), OK);
    wait_for_memory(memory, true, STARTS_WITHIN_MS);
    own_redis_kill(&setting->own);
    assert_in_range(wait_for_memory(memory, false, 2500), 0, 450); /* what is silent is noticed after 500 */
    usleep(500 * 1000);
    assert_false(is_open(memory));
    own_redis_start(&setting->own);
    wait_for_memory(memory, true, STARTS_WITHIN_MS);
    token_listener_stop(&listener);
    token_memory_free(&memory);
}

static void the_listener_stops_promptly_whatever_redis_does(void **state)
{
    struct setting *setting = *state;
    setting->config.timeout_ms = 60000;
    for (int i = 0; i < 4; i++) {
        struct token_memory *memory = token_memory_new(16, HOUR_MS);
        struct token_listener *listener = NULL;
        if (i == 2)
            own_redis_signal(&setting->own, SIGSTOP); /* so that it waits for the greeting */
        if (i == 3)
            own_redis_kill(&setting->own); /* so that it pauses */
        assert_int_equal(token_listener_start(&setting->config, memory, &listener), OK);
        if (i == 1)
            wait_for_memory(memory, true, STARTS_WITHIN_MS);
        usleep(i == 0 ? 0 : 150 * 1000);
        int64_t before_ms = clock_ms();
        token_listener_stop(&listener);
        assert_in_range(clock_ms() - before_ms, 0, 450);
        assert_false(is_open(memory));
        token_memory_free(&memory);
    }
    setting->config.timeout_ms = TIMEOUT_MS;
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stopped_redis_costs_one_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_redis_costs_few_calls_a_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_answered_is_kept_over_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_tombstone_brings_no_token_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workers_survive_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_silent_redis_closes_the_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_redis_closes_the_memory_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_listener_stops_promptly_whatever_redis_does, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
