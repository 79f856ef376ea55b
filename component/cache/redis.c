/* Commands with deadlines, on a connection that heals itself.
 *
 * The link is up or down. Up: a command is sent and its reply awaited; whatever goes wrong on the way, a deadline
 * included, takes the link down, because a reply that comes later must never be taken for the next command's. Down: the
 * next command connects, unless a pause after the last failure has not ended yet. A link that broke while nobody used
 * it (Redis was restarted) is noticed before the command is sent, and made again without the caller knowing.
 *
 * No command is ever sent twice: after ERR_CACHE_DOWN it may have been run. */
#include "component/cache/redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/cache/redis_exchange.h"
#include "component/cache/redis_link.h"

enum { PAUSE_BASE_MS = 50, PAUSE_CAP_MS = 1000, FAILURES_CAP = 16 };

struct redis {
    const struct redis_config *config;
    struct redis_link link;
    unsigned failures; /* in a row */
    int64_t pause_until_ms;
};

struct redis *redis_new(const struct redis_config *config)
{
    struct redis *redis = xcalloc(1, sizeof *redis);
    redis->config = config;
    redis_link_init(&redis->link, -1);
    return redis;
}

void redis_free(struct redis **redis)
{
    if (!*redis)
        return;
    redis_link_close(&(*redis)->link);
    free(*redis);
    *redis = NULL;
}

int64_t redis_deadline(const struct redis *redis)
{
    return clock_ms() + redis->config->timeout_ms;
}

const char *redis_run(const struct redis *redis)
{
    return redis->link.run;
}

static enum err failed(struct redis *redis)
{
    redis_link_close(&redis->link);
    if (redis->failures == 0)
        log_warn("redis_down", F("trouble", (const char *)redis->link.trouble));
    redis->pause_until_ms = clock_ms() + backoff_ms(redis->failures, PAUSE_BASE_MS, PAUSE_CAP_MS);
    if (redis->failures < FAILURES_CAP)
        redis->failures++;
    metric_set(M_REDIS_UP, "", 0);
    metric_add(M_REDIS_ERRORS, "", 1);
    return ERR_CACHE_DOWN;
}

static void succeeded(struct redis *redis)
{
    if (redis->failures > 0)
        log_info("redis_up");
    redis->failures = 0;
    metric_set(M_REDIS_UP, "", 1);
}

static enum err connected(struct redis *redis, int64_t deadline_ms)
{
    if (redis_link_is_open(&redis->link)) {
        if (redis_link_is_quiet(&redis->link))
            return OK;
        redis_link_close(&redis->link);
    }
    if (clock_ms() < redis->pause_until_ms)
        return ERR_CACHE_DOWN;
    return redis_link_open(&redis->link, redis->config, deadline_ms) == OK ? OK : failed(redis);
}

enum err redis_exchange(struct redis *redis, const char *command, size_t length, int64_t deadline_ms,
                        redisReply **reply_r)
{
    enum err err = connected(redis, deadline_ms);
    if (err != OK)
        return err;
    err = redis_link_send(&redis->link, command, length, deadline_ms);
    if (err == OK)
        err = redis_link_receive(&redis->link, deadline_ms, reply_r);
    if (err != OK)
        return failed(redis);
    succeeded(redis);
    return OK;
}

/* Errors that say nothing about the command: Redis cannot serve it now, and may later. */
static bool cannot_serve(const char *error)
{
    static const char *const states[] = {"LOADING ", "BUSY ",       "MASTERDOWN ", "READONLY ",
                                         "MISCONF ", "NOREPLICAS ", "OOM "};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strncmp(error, states[i], strlen(states[i])) == 0)
            return true;
    return false;
}

enum err redis_judge(const char *what, redisReply *reply, redisReply **reply_r)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        *reply_r = reply;
        return OK;
    }
    enum err err = cannot_serve(reply->str) ? ERR_CACHE_DOWN : ERR_INTERNAL;
    /* Redis quotes the arguments of a command that it does not know. */
    char *arguments = strstr(reply->str, ", with args");
    if (arguments)
        *arguments = '\0';
    log_error("redis_refused", F("command", what), F("answer", (const char *)reply->str));
    metric_add(M_REDIS_ERRORS, "", 1);
    freeReplyObject(reply);
    return err;
}

enum err redis_do(struct redis *redis, redisReply **reply_r, const char *format, ...)
{
    char *command = NULL;
    va_list list;
    va_start(list, format);
    int length = redisvFormatCommand(&command, format, list);
    va_end(list);
    char what[24];
    snprintf(what, sizeof what, "%.*s", (int)strcspn(format, " "), format);
    if (length < 0) {
        log_error("redis_format", F("command", (const char *)what));
        return ERR_INTERNAL;
    }
    redisReply *reply = NULL;
    enum err err = redis_exchange(redis, command, (size_t)length, redis_deadline(redis), &reply);
    redisFreeCommand(command);
    return err == OK ? redis_judge(what, reply, reply_r) : err;
}
