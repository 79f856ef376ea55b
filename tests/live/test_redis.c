/* Limits, nonces, pictures and tokens on a real Redis, whose address (host:port or a socket's path) is in TEST_REDIS.
 * Names are drawn at random, so that other users of that Redis are not disturbed. What happens when Redis dies is in
 * test_redis_faults.c, which owns one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/cache/limits.h"
#include "component/cache/pictures.h"
#include "component/cache/redis_script.h"
#include "component/cache/token_cache.h"

enum { TIMEOUT_MS = 2000, HOUR_MS = 3600 * 1000, THREADS = 50 };

static struct redis_config config = {.timeout_ms = TIMEOUT_MS};
static struct redis *redis;
static struct keyring *ring;

static const char *new_name(char name_r[17])
{
    random_text("abcdefghijklmnopqrstuvwxyz", 16, name_r);
    return name_r;
}

static struct token_key new_key(void)
{
    struct token_key key;
    random_bytes(key.hash, sizeof key.hash);
    return key;
}

static void key_name(const struct token_key *key, char name_r[96])
{
    strcpy(name_r, REDIS_PREFIX "t:");
    for (size_t i = 0; i < sizeof key->hash; i++)
        sprintf(name_r + strlen(name_r), "%02x", key->hash[i]);
}

static int64_t ask_integer(const char *command, const char *name)
{
    redisReply *reply = NULL;
    int64_t value = 0;
    assert_int_equal(redis_do(redis, &reply, "%s %s", command, name), OK);
    assert_int_equal(redis_take_integer(&reply, &value), OK);
    return value;
}

static int64_t unix_ms(void)
{
    return clock_unix() * 1000;
}

/* --- many threads at once, each with a connection of its own; counts how many got OK, and how many `other` */

struct crowd {
    enum err (*act)(struct redis *redis, const void *arg);
    const void *arg;
    enum err other;
    int rounds; /* a thread */
    pthread_barrier_t start;
    atomic_int ok, others;
};

static void *one_of_crowd(void *arg)
{
    struct crowd *crowd = arg;
    struct redis *own = redis_new(&config);
    redisReply *reply = NULL;
    if (redis_do(own, &reply, "PING") == OK)
        freeReplyObject(reply);
    pthread_barrier_wait(&crowd->start);
    for (int i = 0; i < crowd->rounds; i++) {
        enum err err = crowd->act(own, crowd->arg);
        if (err == OK)
            atomic_fetch_add(&crowd->ok, 1);
        else if (err == crowd->other)
            atomic_fetch_add(&crowd->others, 1);
    }
    redis_free(&own);
    return NULL;
}

static void expect_of_crowd(struct crowd *crowd, int expected_ok)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&crowd->start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_crowd, crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crowd->start);
    assert_int_equal(atomic_load(&crowd->ok), expected_ok);
    assert_int_equal(atomic_load(&crowd->ok) + atomic_load(&crowd->others), THREADS * crowd->rounds);
}

/* --- limits */

static enum err pass(const struct limit *limits, size_t count)
{
    unsigned wait_s = 0;
    enum err err = limits_pass(redis, limits, count, &wait_s);
    assert_true(err == ERR_LIMITED ? wait_s >= 1 : wait_s == 0);
    return err;
}

static void a_limit_lets_so_many_through(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 3, .period_ms = HOUR_MS};
    for (int i = 0; i < 3; i++)
        assert_int_equal(pass(&limit, 1), OK);
    unsigned wait_s = 0;
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
    assert_in_range(wait_s, 1, 2 * 3600);
    char other[17];
    limit.who = new_name(other);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(NULL, 0), OK);
}

static void nothing_passes_a_limit_of_none(void **state)
{
    (void)state;
    char who[17];
    unsigned wait_s = 0;
    struct limit limit = {.what = "test", .who = new_name(who), .most = 0, .period_ms = 5000};
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
    assert_int_equal(wait_s, 5);
}

static void all_or_none_are_counted(void **state)
{
    (void)state;
    char first[17], second[17];
    struct limit limits[] = {
        {.what = "test", .who = new_name(first), .most = 3, .period_ms = HOUR_MS},
        {.what = "test", .who = new_name(second), .most = 1, .period_ms = HOUR_MS},
    };
    assert_int_equal(pass(limits, 2), OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pass(limits, 2), ERR_LIMITED);
    assert_int_equal(pass(limits, 1), OK); /* the first was counted once only */
    assert_int_equal(pass(limits, 1), OK);
    assert_int_equal(pass(limits, 1), ERR_LIMITED);
}

static void eight_limits_and_two_periods_of_one(void **state)
{
    (void)state;
    char who[17];
    new_name(who);
    struct limit limits[8];
    for (int i = 0; i < 8; i++)
        limits[i] = (struct limit){.what = "test", .who = who, .most = 2 + i, .period_ms = HOUR_MS + i};
    assert_int_equal(pass(limits, 8), OK);
    assert_int_equal(pass(limits, 8), OK);
    assert_int_equal(pass(limits, 8), ERR_LIMITED);
    assert_int_equal(pass(limits + 1, 7), OK);
}

/* The wait that is told, in whole seconds, is when an event passes again; the window slides. */
static void the_wait_is_the_truth(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 4, .period_ms = 3000};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pass(&limit, 1), OK);
    unsigned told_s = 0, wait_s = 0;
    assert_int_equal(limits_pass(redis, &limit, 1, &told_s), ERR_LIMITED);
    assert_in_range(told_s, 1, 6);
    int64_t before_ms = clock_ms();
    while (limits_pass(redis, &limit, 1, &wait_s) == ERR_LIMITED) {
        assert_true(wait_s <= told_s);
        assert_true(clock_ms() - before_ms < 7000);
        usleep(20 * 1000);
    }
    int64_t waited_ms = clock_ms() - before_ms;
    assert_true(waited_ms <= told_s * 1000LL + 150);
    assert_true(waited_ms >= told_s * 1000LL - 1000 - 50);
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
}

static void hostile_names_are_names(void **state)
{
    (void)state;
    char who[17], name[64], too_long[202];
    snprintf(name, sizeof name, "2001:db8::/64 %%s\r\n*1 \"%s\xff", new_name(who));
    struct limit limit = {.what = "test", .who = name, .most = 1, .period_ms = HOUR_MS};
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    limit.who = too_long;
    assert_int_equal(pass(&limit, 1), ERR_INVALID);
    assert_int_equal(nonce_once(redis, "test", too_long, 1000), ERR_INVALID);
}

static void counters_expire(void **state)
{
    (void)state;
    char who[17], key[96];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 5, .period_ms = 60000};
    assert_int_equal(pass(&limit, 1), OK);
    snprintf(key, sizeof key, REDIS_PREFIX "l:test:60000:%s", who);
    assert_in_range(ask_integer("PTTL", key), 1, 120000);
}

/* A counter that a changed program or an operator left behind does not lock anyone out. */
static void a_strange_counter_counts_as_none(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 1, .period_ms = 60000};
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SET " REDIS_PREFIX "l:test:60000:%s what PX 60000", who), OK);
    freeReplyObject(reply);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED);
}

static enum err pass_in_crowd(struct redis *own, const void *arg)
{
    unsigned wait_s = 0;
    return limits_pass(own, arg, 2, &wait_s);
}

static void limits_are_exact_in_a_crowd(void **state)
{
    (void)state;
    char first[17], second[17];
    struct limit limits[] = {
        {.what = "test", .who = new_name(first), .most = 137, .period_ms = 24LL * HOUR_MS},
        {.what = "test", .who = new_name(second), .most = 1000, .period_ms = 24LL * HOUR_MS},
    };
    struct crowd crowd = {.act = pass_in_crowd, .arg = limits, .other = ERR_LIMITED, .rounds = 10};
    expect_of_crowd(&crowd, 137);
}

/* --- nonces */

static enum err nonce_in_crowd(struct redis *own, const void *arg)
{
    return nonce_once(own, "test", arg, HOUR_MS);
}

static void a_nonce_passes_once(void **state)
{
    (void)state;
    char nonce[17];
    new_name(nonce);
    struct crowd crowd = {.act = nonce_in_crowd, .arg = nonce, .other = ERR_CONFLICT, .rounds = 2};
    expect_of_crowd(&crowd, 1);
    char another[17];
    new_name(another);
    assert_int_equal(nonce_once(redis, "test", another, 100), OK);
    assert_int_equal(nonce_once(redis, "test", another, 100), ERR_CONFLICT);
    assert_int_equal(nonce_once(redis, "test2", another, 100), OK);
    usleep(150 * 1000);
    assert_int_equal(nonce_once(redis, "test", another, 100), OK);
}

/* --- pictures */

static void new_picture(const char *answer, int64_t lifetime_ms, char id_r[PICTURE_ID_SIZE])
{
    assert_int_equal(pictures_put(redis, ring, answer, lifetime_ms, id_r), OK);
}

static void a_picture_is_good_for_one_try(void **state)
{
    (void)state;
    char id[PICTURE_ID_SIZE];
    new_picture("ACE23", HOUR_MS, id);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), OK);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    new_picture("ACE23", HOUR_MS, id);
    assert_int_equal(pictures_take(redis, ring, id, "aCe23"), OK);

    char long_answer[1000];
    memset(long_answer, 'A', sizeof long_answer - 1);
    long_answer[sizeof long_answer - 1] = '\0';
    const char *wrong[] = {"ACE22", "", "ACE2", "ACE233", long_answer, "ACE23 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        new_picture("ACE23", HOUR_MS, id);
        assert_int_equal(pictures_take(redis, ring, id, wrong[i]), ERR_PICTURE);
        assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    }
}

static void unknown_and_ended_pictures_are_wrong(void **state)
{
    (void)state;
    char id[PICTURE_ID_SIZE], other[PICTURE_ID_SIZE];
    new_picture("ACE23", 80, id);
    usleep(120 * 1000);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    new_picture("ACE23", HOUR_MS, id);
    new_picture("FHJKM", HOUR_MS, other);
    assert_int_equal(pictures_take(redis, ring, other, "ACE23"), ERR_PICTURE);
    const char *ids[] = {"",
                         "0123456789abcdef0123456789abcdef",
                         "0123456789abcdef0123456789abcde",
                         "0123456789ABCDEF0123456789ABCDEF",
                         "0123456789abcdef0123456789abcdeg",
                         "*",
                         "0123456789abcdef 123456789abcdef"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_int_equal(pictures_take(redis, ring, ids[i], "ACE23"), ERR_PICTURE);
    assert_int_equal(
        pictures_put(redis, ring, "12345678901234567890123456789012345678901234567890123456789012345", 1, id),
        ERR_INVALID);
}

static void answers_are_not_in_redis(void **state)
{
    (void)state;
    char first[PICTURE_ID_SIZE], second[PICTURE_ID_SIZE], key[64];
    new_picture("ACE23", HOUR_MS, first);
    new_picture("ACE23", HOUR_MS, second);
    redisReply *replies[2];
    assert_int_equal(redis_do(redis, &replies[0], "GET " REDIS_PREFIX "p:%s", first), OK);
    assert_int_equal(redis_do(redis, &replies[1], "GET " REDIS_PREFIX "p:%s", second), OK);
    assert_int_equal(replies[0]->len, 32);
    assert_int_equal(replies[1]->len, 32);
    assert_memory_not_equal(replies[0]->str, replies[1]->str, 32);
    assert_null(memmem(replies[0]->str, 32, "ACE23", 5));
    freeReplyObject(replies[0]);
    freeReplyObject(replies[1]);
    snprintf(key, sizeof key, REDIS_PREFIX "p:%s", first);
    assert_in_range(ask_integer("PTTL", key), HOUR_MS - 10000, HOUR_MS);
}

static enum err take_in_crowd(struct redis *own, const void *arg)
{
    return pictures_take(own, ring, arg, "ACE23");
}

static void a_picture_is_taken_once_by_a_crowd(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[PICTURE_ID_SIZE];
        new_picture("ACE23", HOUR_MS, id);
        struct crowd crowd = {.act = take_in_crowd, .arg = id, .other = ERR_PICTURE, .rounds = 1};
        expect_of_crowd(&crowd, 1);
    }
}

/* --- tokens */

static enum err find(int64_t epoch, const struct token_key *key, int64_t *account_r)
{
    struct token_entry entry = {0};
    enum err err = token_cache_get(redis, epoch, key, &entry);
    *account_r = entry.account_id;
    return err;
}

static void keep(int64_t epoch, const struct token_key *key, int64_t account_id)
{
    struct token_entry entry = {.account_id = account_id, .expires_unix_ms = unix_ms() + HOUR_MS};
    assert_int_equal(token_cache_put(redis, epoch, key, &entry, 60000), OK);
}

static void tokens_are_found_in_their_epoch(void **state)
{
    (void)state;
    struct token_key key = new_key();
    struct token_entry entry = {.account_id = INT64_MAX, .expires_unix_ms = unix_ms() + HOUR_MS}, found;
    int64_t account = 0;
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_int_equal(token_cache_get(redis, 7, &key, &found), OK);
    assert_int_equal(found.account_id, entry.account_id);
    assert_int_equal(found.expires_unix_ms, entry.expires_unix_ms);
    assert_int_equal(find(6, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(find(8, &key, &account), ERR_NOT_FOUND);
}

static void only_a_later_epoch_replaces(void **state)
{
    (void)state;
    struct token_key key = new_key();
    int64_t account = 0;
    keep(7, &key, 1);
    keep(7, &key, 2);
    assert_int_equal(find(7, &key, &account), OK);
    assert_int_equal(account, 1);
    keep(10, &key, 3); /* more digits: compared as numbers */
    assert_int_equal(find(10, &key, &account), OK);
    assert_int_equal(account, 3);
    keep(7, &key, 4);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(find(10, &key, &account), OK);
    assert_int_equal(account, 3);
}

static void tombstones_stand(void **state)
{
    (void)state;
    struct token_key key = new_key();
    int64_t account = 0;
    keep(7, &key, 1);
    assert_int_equal(token_cache_revoke(redis, &key, 1, 300), OK);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
    keep(7, &key, 1);
    keep(8, &key, 1);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
    assert_int_equal(find(8, &key, &account), ERR_TOKEN);
    usleep(350 * 1000);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
}

static void tokens_end(void **state)
{
    (void)state;
    struct token_key key = new_key();
    char name[96];
    int64_t account = 0;
    key_name(&key, name);
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = unix_ms() - 1};
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    entry.expires_unix_ms = unix_ms() + 20000; /* its own end comes first */
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_in_range(ask_integer("PTTL", name), 10000, 20000);
    key = new_key();
    key_name(&key, name);
    entry.expires_unix_ms = unix_ms() + HOUR_MS;
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_in_range(ask_integer("PTTL", name), 50000, 60000);
}

static void many_tokens_are_revoked_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static struct token_key keys[MANY];
    int64_t account = 0;
    for (int i = 0; i < MANY; i++)
        keys[i] = new_key();
    keep(7, &keys[0], 1);
    keep(7, &keys[MANY - 1], 1);
    assert_int_equal(token_cache_revoke(redis, keys, 0, 60000), OK);
    assert_int_equal(find(7, &keys[0], &account), OK);
    assert_int_equal(token_cache_revoke(redis, keys, MANY, 60000), OK);
    for (int i = 0; i < MANY; i += 111)
        assert_int_equal(find(7, &keys[i], &account), ERR_TOKEN);
}

/* --- the whole */

static void scripts_come_back_after_a_flush(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 2, .period_ms = HOUR_MS};
    struct token_key key = new_key();
    int64_t account = 0;
    assert_int_equal(pass(&limit, 1), OK);
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SCRIPT FLUSH"), OK);
    freeReplyObject(reply);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED); /* the run after the flush counted once */
    keep(7, &key, 1);
    assert_int_equal(find(7, &key, &account), OK);
    assert_int_equal(token_cache_revoke(redis, &key, 1, 1000), OK);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
}

static void nothing_lives_for_ever(void **state)
{
    (void)state;
    redisReply *keys = NULL;
    assert_int_equal(redis_do(redis, &keys, "KEYS " REDIS_PREFIX "*"), OK);
    assert_true(keys->elements > 10); /* the tests before this one */
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *reply = NULL;
        assert_int_equal(redis_do(redis, &reply, "PTTL %b", keys->element[i]->str, keys->element[i]->len), OK);
        assert_int_not_equal(reply->integer, -1);
        freeReplyObject(reply);
    }
    freeReplyObject(keys);
}

static void redis_is_durable(void **state)
{
    (void)state;
    assert_int_equal(redis_check_durable(redis), OK);
}

static void the_listener_hears_revocations(void **state)
{
    (void)state;
    struct token_memory *memory = token_memory_new(1024, 60000);
    struct token_listener *listener = NULL;
    struct token_key key = new_key(), other = new_key();
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = unix_ms() + HOUR_MS};
    assert_int_equal(token_listener_start(&config, memory, &listener), OK);
    int64_t until_ms = clock_ms() + 1000;
    while (!token_memory_get(memory, &key, &entry)) { /* until it is open */
        assert_true(clock_ms() < until_ms);
        token_memory_put(memory, token_memory_generation(memory), &key, &entry);
    }
    token_memory_put(memory, token_memory_generation(memory), &other, &entry);
    const struct token_key keys[] = {new_key(), key, new_key()};
    int64_t told_ms = clock_ms();
    assert_int_equal(token_cache_revoke(redis, keys, 3, 1000), OK);
    while (token_memory_get(memory, &key, &entry))
        assert_true(clock_ms() - told_ms < 500);
    assert_true(token_memory_get(memory, &other, &entry));

    redisReply *reply = NULL; /* what cannot be understood clears */
    assert_int_equal(redis_do(redis, &reply, "PUBLISH " REDIS_PREFIX "revoked nonsense"), OK);
    freeReplyObject(reply);
    told_ms = clock_ms();
    while (token_memory_get(memory, &other, &entry))
        assert_true(clock_ms() - told_ms < 500);
    int64_t stopped_ms = clock_ms();
    token_listener_stop(&listener);
    assert_in_range(clock_ms() - stopped_ms, 0, 100);
    assert_null(listener);
    token_listener_stop(&listener);
    token_memory_free(&memory);
}

static int set_up(void **state)
{
    (void)state;
    config.address = getenv("TEST_REDIS");
    if (!config.address) {
        print_error("TEST_REDIS is not set\n");
        return -1;
    }
    redis = redis_new(&config);
    return keyring_new(secret_of_cstr("1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), &ring) ==
                   OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    redis_free(&redis);
    keyring_free(&ring);
    return 0;
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_is_durable),
        cmocka_unit_test(a_limit_lets_so_many_through),
        cmocka_unit_test(nothing_passes_a_limit_of_none),
        cmocka_unit_test(all_or_none_are_counted),
        cmocka_unit_test(eight_limits_and_two_periods_of_one),
        cmocka_unit_test(the_wait_is_the_truth),
        cmocka_unit_test(hostile_names_are_names),
        cmocka_unit_test(counters_expire),
        cmocka_unit_test(a_strange_counter_counts_as_none),
        cmocka_unit_test(limits_are_exact_in_a_crowd),
        cmocka_unit_test(a_nonce_passes_once),
        cmocka_unit_test(a_picture_is_good_for_one_try),
        cmocka_unit_test(unknown_and_ended_pictures_are_wrong),
        cmocka_unit_test(answers_are_not_in_redis),
        cmocka_unit_test(a_picture_is_taken_once_by_a_crowd),
        cmocka_unit_test(tokens_are_found_in_their_epoch),
        cmocka_unit_test(only_a_later_epoch_replaces),
        cmocka_unit_test(tombstones_stand),
        cmocka_unit_test(tokens_end),
        cmocka_unit_test(many_tokens_are_revoked_at_once),
        cmocka_unit_test(scripts_come_back_after_a_flush),
        cmocka_unit_test(the_listener_hears_revocations),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
