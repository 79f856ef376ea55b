/* Hears which tokens other instances revoked, on a thread and a connection of its own.
 *
 * The memory is open exactly while the subscription is known to live: Redis drops what it publishes to a link that is
 * gone, so a silent link is a dead one until a ping is answered. Ping every 250 ms, answered within 500 ms: between the
 * last sign of life and closing lie at most 750 ms, so that a token revoked elsewhere is forgotten here within a second
 * whatever happens to Redis. What is heard but not understood clears the memory. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/cache/redis.h"
#include "component/cache/redis_link.h"
#include "component/cache/token_cache.h"
#include "component/cache/token_channel.h"

enum { PING_EVERY_MS = 250, ANSWER_WITHIN_MS = 500, BACKOFF_BASE_MS = 50, BACKOFF_CAP_MS = 1000, ATTEMPTS_CAP = 16 };

struct token_listener {
    const struct redis_config *config;
    struct token_memory *memory;
    struct redis_link link;
    int wake_fd; /* an eventfd: readable once the listener is to stop */
    pthread_t thread;
    /* the thread's own */
    bool ping_unanswered;
    int64_t pinged_ms;
    unsigned attempts; /* that failed, since the last subscription */
};

/* Whether the reply is an array of at least two that begins with the string `kind`. */
static bool is_kind(const redisReply *reply, const char *kind)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
           strcasecmp(reply->element[0]->str, kind) == 0;
}

static enum err revoke_all(struct token_memory *memory, const char *hex, size_t length)
{
    if (length % TOKEN_HEX_LENGTH != 0)
        return ERR_INVALID;
    for (size_t at = 0; at < length; at += TOKEN_HEX_LENGTH) {
        char one[TOKEN_HEX_LENGTH + 1] = {0};
        struct token_key key;
        memcpy(one, hex + at, TOKEN_HEX_LENGTH);
        if (hex_decode(one, sizeof key.hash, key.hash) != OK)
            return ERR_INVALID;
        token_memory_revoke(memory, &key);
    }
    return OK;
}

static void hear(struct token_listener *listener, const redisReply *reply)
{
    const redisReply *payload = reply->elements == 3 ? reply->element[2] : NULL;
    if (is_kind(reply, "pong")) {
        listener->ping_unanswered = false;
    } else if (!is_kind(reply, "message") || !payload || payload->type != REDIS_REPLY_STRING ||
               revoke_all(listener->memory, payload->str, payload->len) != OK) {
        log_warn("revocation_not_understood");
        token_memory_clear(listener->memory);
    }
}

static enum err send_text(struct token_listener *listener, const char *text)
{
    char *command = NULL;
    int length = redisFormatCommand(&command, text);
    if (length < 0)
        return ERR_INTERNAL;
    enum err err = redis_link_send(&listener->link, command, (size_t)length, clock_ms() + ANSWER_WITHIN_MS);
    redisFreeCommand(command);
    return err;
}

static enum err subscribe(struct token_listener *listener, int64_t deadline_ms)
{
    enum err err = send_text(listener, "SUBSCRIBE " TOKEN_CHANNEL);
    redisReply *reply = NULL;
    if (err == OK)
        err = redis_link_receive(&listener->link, deadline_ms, &reply);
    if (err != OK)
        return err;
    if (!is_kind(reply, "subscribe")) {
        const char *trouble = reply->type == REDIS_REPLY_ERROR ? reply->str : "not subscribed";
        snprintf(listener->link.trouble, sizeof listener->link.trouble, "%s", trouble);
        err = ERR_CACHE_DOWN;
    }
    freeReplyObject(reply);
    return err;
}

static enum err ping(struct token_listener *listener)
{
    listener->ping_unanswered = true;
    listener->pinged_ms = clock_ms();
    return send_text(listener, "PING");
}

/* Until the link breaks (ERR_CACHE_DOWN), a ping stays unanswered (ERR_TIMEOUT), or the listener is stopped
 * (ERR_SHUTDOWN). */
static enum err listen_on(struct token_listener *listener)
{
    listener->pinged_ms = clock_ms();
    listener->ping_unanswered = false;
    for (;;) {
        redisReply *reply = NULL;
        int64_t patience_ms = listener->ping_unanswered ? ANSWER_WITHIN_MS : PING_EVERY_MS;
        enum err err = redis_link_receive(&listener->link, listener->pinged_ms + patience_ms, &reply);
        if (err == OK) {
            hear(listener, reply);
            freeReplyObject(reply);
        } else if (err == ERR_TIMEOUT && !listener->ping_unanswered) {
            err = ping(listener);
        }
        if (err != OK)
            return err;
    }
}

/* One life of a link. */
static enum err connect_and_listen(struct token_listener *listener)
{
    int64_t deadline_ms = clock_ms() + listener->config->timeout_ms;
    enum err err = redis_link_open(&listener->link, listener->config, deadline_ms);
    if (err == OK)
        err = subscribe(listener, deadline_ms);
    if (err == OK) {
        listener->attempts = 0;
        token_memory_open(listener->memory, true);
        log_info("token_listener_live");
        err = listen_on(listener);
        token_memory_open(listener->memory, false);
    }
    redis_link_close(&listener->link);
    if (err != ERR_SHUTDOWN && listener->attempts == 0)
        log_warn("token_listener_lost", F("trouble", (const char *)listener->link.trouble));
    return err;
}

/* False: the listener is to stop. */
static bool pause_before_retry(struct token_listener *listener)
{
    int64_t until_ms = clock_ms() + backoff_ms(listener->attempts, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    if (listener->attempts < ATTEMPTS_CAP)
        listener->attempts++;
    for (;;) {
        struct pollfd wake = {.fd = listener->wake_fd, .events = POLLIN};
        int left_ms = clock_left(until_ms, BACKOFF_CAP_MS);
        if (poll(&wake, 1, left_ms) > 0)
            return false;
        if (left_ms == 0)
            return true;
    }
}

static void *run(void *arg)
{
    struct token_listener *listener = arg;
    while (connect_and_listen(listener) != ERR_SHUTDOWN && pause_before_retry(listener))
        continue;
    return NULL;
}

enum err token_listener_start(const struct redis_config *config, struct token_memory *memory,
                              struct token_listener **listener_r)
{
    struct token_listener *listener = xcalloc(1, sizeof *listener);
    listener->config = config;
    listener->memory = memory;
    listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    redis_link_init(&listener->link, listener->wake_fd);
    enum err err = listener->wake_fd < 0 ? ERR_INTERNAL : thread_start("tokens", 0, run, listener, &listener->thread);
    if (err != OK) {
        log_error("token_listener_not_started", F("errno", errno));
        if (listener->wake_fd >= 0)
            close(listener->wake_fd);
        free(listener);
        return err;
    }
    *listener_r = listener;
    return OK;
}

void token_listener_stop(struct token_listener **listener)
{
    if (!*listener)
        return;
    /* Cannot fail: the counter is far from its limit. */
    eventfd_write((*listener)->wake_fd, 1);
    pthread_join((*listener)->thread, NULL);
    close((*listener)->wake_fd);
    free(*listener);
    *listener = NULL;
}
