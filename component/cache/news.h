/* What processes tell each other so that nobody waits in vain: a call may wait in one process for what another does.
 * Hints, and never more: one that is lost costs its call the rest of its wait. */
#ifndef CACHE_NEWS_H
#define CACHE_NEWS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct redis;
struct redis_config;

enum { NEWS_MOST = 256 };

/* At most NEWS_MOST keys. heard_r: how many processes heard it, this one included. */
MUST_CHECK enum err news_publish(struct redis *redis, const uint64_t *keys, size_t count, int64_t *heard_r);

/* A thread that calls `heard` with each key, also with those that this process published. Config and arg must outlive
 * it. */
struct news_listener;
MUST_CHECK enum err news_listener_start(const struct redis_config *config, void (*heard)(void *arg, uint64_t key),
                                        void *arg, struct news_listener **listener_r);
void news_listener_stop(struct news_listener **listener);

#endif
