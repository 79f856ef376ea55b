/* A connection to Redis with deadlines, for one thread. It connects at first use, again after an error, and fails at
 * once (ERR_CACHE_DOWN) while a recent attempt failed (backoff with jitter, at most 1 s), so that a dead Redis costs
 * nobody a timeout a call. hiredis without its own reconnecting. */
#ifndef CACHE_REDIS_H
#define CACHE_REDIS_H

#include <hiredis/hiredis.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct redis;

struct redis_config {
    const char *address; /* host:port or a socket's path */
    struct secret password;
    int64_t database;
    int64_t timeout_ms;
};

/* The config must outlive it. Never fails: the first command connects. */
struct redis *redis_new(const struct redis_config *config);
void redis_free(struct redis **redis);

/* One command, as a printf-like list: %s C string, %b pointer and size_t, integers as in printf. Arguments end at
 * spaces of the format, never at those of the values. OK: *reply_r is set, of any type but an error, and is freed with
 * freeReplyObject. ERR_CACHE_DOWN: no connection, it broke, or Redis cannot serve for now (loading, out of memory,
 * ...). ERR_INTERNAL: Redis answered an error (logged, without the arguments). After ERR_CACHE_DOWN it is not known
 * whether the command was run. All of it, connecting included, takes timeout_ms at most (besides resolving a host's
 * name, which keeps to the resolver's own time). */
MUST_CHECK enum err redis_do(struct redis *redis, redisReply **reply_r, const char *format, ...);

/* A Lua script that is kept as a file in scripts/ and embedded at build time: see redis_script.h for how to add one. */
struct redis_script {
    const char *name; /* for the log */
    const char *source;
};
/* EVALSHA, after SCRIPT LOAD when Redis does not have it yet. keys and arguments are binary-safe with lengths; lengths
 * NULL: C strings. Errors as above. */
MUST_CHECK enum err redis_script_run(struct redis *redis, const struct redis_script *script, size_t key_count,
                                     size_t count, const char *const *keys_and_arguments, const size_t *lengths,
                                     redisReply **reply_r);
/* The same for a list as in redis_do, the keys first. */
MUST_CHECK enum err redis_script_do(struct redis *redis, const struct redis_script *script, size_t key_count,
                                    redisReply **reply_r, const char *format, ...);
/* For scripts that answer a number: takes the reply, frees it. ERR_INTERNAL (logged) when it is none. */
MUST_CHECK enum err redis_take_integer(redisReply **reply, int64_t *value_r);

/* Checks that Redis keeps what it is given (maxmemory-policy noeviction, appendonly yes); logs what is wrong.
 * ERR_INVALID when it does not. */
MUST_CHECK enum err redis_check_durable(struct redis *redis);

#endif
