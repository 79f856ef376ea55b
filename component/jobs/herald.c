#include "component/jobs/herald.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/cache/news.h"
#include "component/cache/redis.h"
#include "component/jobs/ticker.h"

/* While nobody else listens, one message a second finds out whether somebody does by now. */
enum { ALONE_MS = 1000 };

struct herald {
    struct redis *redis; /* the thread's, as what follows */
    int64_t silent_until_ms;
    struct ticker *ticker;
    pthread_mutex_t lock; /* over what is to be told */
    size_t count;
    uint64_t keys[NEWS_MOST];
};

static size_t collect(struct herald *herald, uint64_t keys_r[NEWS_MOST])
{
    pthread_mutex_lock(&herald->lock);
    const size_t count = herald->count;
    memcpy(keys_r, herald->keys, count * sizeof *keys_r);
    herald->count = 0;
    pthread_mutex_unlock(&herald->lock);
    return count;
}

static void tick(void *arg)
{
    struct herald *herald = arg;
    uint64_t keys[NEWS_MOST];
    int64_t heard = 0;
    const size_t count = collect(herald, keys);
    if (count == 0 || clock_ms() < herald->silent_until_ms)
        return;
    if (news_publish(herald->redis, keys, count, &heard) != OK || heard <= 1)
        herald->silent_until_ms = clock_ms() + ALONE_MS;
}

enum err herald_start(const struct jobs_config *config, struct herald **herald_r)
{
    struct herald *herald = xcalloc(1, sizeof *herald);
    herald->redis = redis_new(config->redis);
    pthread_mutex_init(&herald->lock, NULL);
    const enum err err = ticker_start("herald", tick, herald, &herald->ticker);
    if (err == OK)
        *herald_r = herald;
    else
        herald_stop(&herald);
    return err;
}

void herald_tell(struct herald *herald, uint64_t key)
{
    pthread_mutex_lock(&herald->lock);
    const bool first = herald->count == 0;
    if (herald->count < NEWS_MOST)
        herald->keys[herald->count++] = key;
    pthread_mutex_unlock(&herald->lock);
    if (first)
        ticker_wake(herald->ticker);
}

void herald_stop(struct herald **herald_ref)
{
    struct herald *herald = *herald_ref;
    if (herald == NULL)
        return;
    ticker_stop(&herald->ticker);
    redis_free(&herald->redis);
    pthread_mutex_destroy(&herald->lock);
    free(herald);
    *herald_ref = NULL;
}
