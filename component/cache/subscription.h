/* A channel of Redis that is listened to, on a thread and a connection of its own.
 *
 * Redis drops what it publishes to a link that is gone, so a silent link is a dead one until a ping is answered: a ping
 * every 250 ms, which must be answered within 500 ms. Between the last sign of life and `live(false)` lie at most 750
 * ms, whatever happens to Redis. It reconnects for ever, with a backoff of at most 1 s. */
#ifndef CACHE_SUBSCRIPTION_H
#define CACHE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"

struct redis_config;
struct subscription;

/* What it calls, on its thread; none of these may block. */
struct subscriber {
    const char *name;    /* static: of the thread, and in the log */
    const char *channel; /* static */
    /* From now on messages come, or they do not any more; starts as false. NULL: no matter. */
    void (*live)(void *arg, bool live);
    /* A message; NULL for what is none, such as an answer that makes no sense. */
    void (*heard)(void *arg, const char *message, size_t length);
    void *arg;
};

/* Config and subscriber must outlive it. */
MUST_CHECK enum err subscription_start(const struct redis_config *config, const struct subscriber *subscriber,
                                       struct subscription **subscription_r);
/* Joins the thread at once (only resolving a host's name may hold it up); it is not live afterwards. */
void subscription_stop(struct subscription **subscription);

#endif
