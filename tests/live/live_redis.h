/* What the tests of the cache on a real Redis share. Its address (host:port or a socket's path) is in TEST_REDIS. Names
 * are drawn at random, so that other users of that Redis are not disturbed. What happens when Redis dies is in
 * test_redis_faults.c, which owns one. */
#ifndef TESTS_LIVE_REDIS_H
#define TESTS_LIVE_REDIS_H

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
#include "component/cache/redis_script.h"

enum { TIMEOUT_MS = 2000, HOUR_MS = 3600 * 1000, THREADS = 50 };

static struct redis_config config = {.timeout_ms = TIMEOUT_MS};
static struct redis *redis;
static struct keyring *ring;

static inline const char *new_name(char name_r[17])
{
    random_text("abcdefghijklmnopqrstuvwxyz", 16, name_r);
    return name_r;
}

static inline int64_t ask_integer(const char *command, const char *name)
{
    redisReply *reply = NULL;
    int64_t value = 0;
    assert_int_equal(redis_do(redis, &reply, "%s %s", command, name), OK);
    assert_int_equal(redis_take_integer(&reply, &value), OK);
    return value;
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

static inline void *one_of_crowd(void *arg)
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

static inline void expect_of_crowd(struct crowd *crowd, int expected_ok)
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

static inline int live_redis_set_up(void **state)
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

static inline int live_redis_tear_down(void **state)
{
    (void)state;
    redis_free(&redis);
    keyring_free(&ring);
    return 0;
}

static inline void nothing_lives_for_ever(void **state)
{
    (void)state;
    redisReply *keys = NULL;
    assert_int_equal(redis_do(redis, &keys, "KEYS " REDIS_PREFIX "*"), OK);
    assert_true(keys->elements > 0); /* the tests before this one left some */
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *reply = NULL;
        assert_int_equal(redis_do(redis, &reply, "PTTL %b", keys->element[i]->str, keys->element[i]->len), OK);
        assert_int_not_equal(reply->integer, -1);
        freeReplyObject(reply);
    }
    freeReplyObject(keys);
}

#endif
