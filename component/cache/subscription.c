#include "component/cache/subscription.h"

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
#include "component/cache/redis.h"
#include "component/cache/redis_link.h"

enum { PING_EVERY_MS = 250, ANSWER_WITHIN_MS = 500, BACKOFF_BASE_MS = 50, BACKOFF_CAP_MS = 1000, ATTEMPTS_CAP = 16 };

struct subscription {
    const struct redis_config *config;
    const struct subscriber *subscriber;
    struct redis_link link;
    int wake_fd; /* an eventfd: readable once it is to stop */
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

static void hear(struct subscription *subscription, const redisReply *reply)
{
    const struct subscriber *subscriber = subscription->subscriber;
    const redisReply *payload = reply->elements == 3 ? reply->element[2] : NULL;
    if (is_kind(reply, "pong"))
        subscription->ping_unanswered = false;
    else if (is_kind(reply, "message") && payload && payload->type == REDIS_REPLY_STRING)
        subscriber->heard(subscriber->arg, payload->str, payload->len);
    else
        subscriber->heard(subscriber->arg, NULL, 0);
}

static void set_live(const struct subscription *subscription, bool live)
{
    if (subscription->subscriber->live)
        subscription->subscriber->live(subscription->subscriber->arg, live);
}

/* A command of one word, and its argument if it has one. */
static enum err send_command(struct subscription *subscription, const char *word, const char *argument)
{
    char *command = NULL;
    int length =
        argument ? redisFormatCommand(&command, "%s %s", word, argument) : redisFormatCommand(&command, "%s", word);
    if (length < 0)
        return ERR_INTERNAL;
    enum err err = redis_link_send(&subscription->link, command, (size_t)length, clock_ms() + ANSWER_WITHIN_MS);
    redisFreeCommand(command);
    return err;
}

static enum err subscribe(struct subscription *subscription, int64_t deadline_ms)
{
    enum err err = send_command(subscription, "SUBSCRIBE", subscription->subscriber->channel);
    redisReply *reply = NULL;
    if (err == OK)
        err = redis_link_receive(&subscription->link, deadline_ms, &reply);
    if (err != OK)
        return err;
    if (!is_kind(reply, "subscribe")) {
        const char *trouble = reply->type == REDIS_REPLY_ERROR ? reply->str : "not subscribed";
        snprintf(subscription->link.trouble, sizeof subscription->link.trouble, "%s", trouble);
        err = ERR_CACHE_DOWN;
    }
    freeReplyObject(reply);
    return err;
}

static enum err ping(struct subscription *subscription)
{
    subscription->ping_unanswered = true;
    subscription->pinged_ms = clock_ms();
    return send_command(subscription, "PING", NULL);
}

/* Until the link breaks (ERR_CACHE_DOWN), a ping stays unanswered (ERR_TIMEOUT), or it is stopped
 * (ERR_SHUTDOWN). */
static enum err listen_on(struct subscription *subscription)
{
    subscription->pinged_ms = clock_ms();
    subscription->ping_unanswered = false;
    for (;;) {
        redisReply *reply = NULL;
        int64_t patience_ms = subscription->ping_unanswered ? ANSWER_WITHIN_MS : PING_EVERY_MS;
        enum err err = redis_link_receive(&subscription->link, subscription->pinged_ms + patience_ms, &reply);
        if (err == OK) {
            hear(subscription, reply);
            freeReplyObject(reply);
        } else if (err == ERR_TIMEOUT && !subscription->ping_unanswered) {
            err = ping(subscription);
        }
        if (err != OK)
            return err;
    }
}

/* One life of a link. */
static enum err connect_and_listen(struct subscription *subscription)
{
    int64_t deadline_ms = clock_ms() + subscription->config->timeout_ms;
    enum err err = redis_link_open(&subscription->link, subscription->config, deadline_ms);
    if (err == OK)
        err = subscribe(subscription, deadline_ms);
    if (err == OK) {
        subscription->attempts = 0;
        set_live(subscription, true);
        log_info("subscription_live", F("to", subscription->subscriber->name));
        err = listen_on(subscription);
        set_live(subscription, false);
    }
    redis_link_close(&subscription->link);
    if (err != ERR_SHUTDOWN && subscription->attempts == 0)
        log_warn("subscription_lost", F("to", subscription->subscriber->name),
                 F("trouble", (const char *)subscription->link.trouble));
    return err;
}

/* False: it is to stop. */
static bool pause_before_retry(struct subscription *subscription)
{
    int64_t until_ms = clock_ms() + backoff_ms(subscription->attempts, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    if (subscription->attempts < ATTEMPTS_CAP)
        subscription->attempts++;
    for (;;) {
        struct pollfd wake = {.fd = subscription->wake_fd, .events = POLLIN};
        int left_ms = clock_left(until_ms, BACKOFF_CAP_MS);
        if (poll(&wake, 1, left_ms) > 0)
            return false;
        if (left_ms == 0)
            return true;
    }
}

static void *run(void *arg)
{
    struct subscription *subscription = arg;
    while (connect_and_listen(subscription) != ERR_SHUTDOWN && pause_before_retry(subscription))
        continue;
    return NULL;
}

enum err subscription_start(const struct redis_config *config, const struct subscriber *subscriber,
                            struct subscription **subscription_r)
{
    struct subscription *subscription = xcalloc(1, sizeof *subscription);
    subscription->config = config;
    subscription->subscriber = subscriber;
    subscription->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    redis_link_init(&subscription->link, subscription->wake_fd);
    enum err err = subscription->wake_fd < 0
                       ? ERR_INTERNAL
                       : thread_start(subscriber->name, 0, run, subscription, &subscription->thread);
    if (err != OK) {
        log_error("subscription_not_started", F("to", subscriber->name), F("errno", errno));
        if (subscription->wake_fd >= 0)
            close(subscription->wake_fd);
        free(subscription);
        return err;
    }
    *subscription_r = subscription;
    return OK;
}

void subscription_stop(struct subscription **subscription)
{
    if (!*subscription)
        return;
    /* Cannot fail: the counter is far from its limit. */
    eventfd_write((*subscription)->wake_fd, 1);
    pthread_join((*subscription)->thread, NULL);
    close((*subscription)->wake_fd);
    free(*subscription);
    *subscription = NULL;
}
