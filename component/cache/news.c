/* A message is keys in hex, 16 digits each, with nothing between. Channels know no database numbers: processes on other
 * databases of the same Redis hear it too, and have nobody who waits for such a key. */
#include "component/cache/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/cache/redis.h"
#include "component/cache/redis_script.h"
#include "component/cache/subscription.h"

#define CHANNEL REDIS_PREFIX "news"

enum { KEY_LENGTH = 16 };

struct news_listener {
    struct subscriber subscriber;
    struct subscription *subscription;
    void (*heard)(void *arg, uint64_t key);
    void *arg;
};

enum err news_publish(struct redis *redis, const uint64_t *keys, size_t count, int64_t *heard_r)
{
    char message[NEWS_MOST * KEY_LENGTH + 1];
    for (size_t i = 0; i < count && i < NEWS_MOST; i++)
        snprintf(message + i * KEY_LENGTH, KEY_LENGTH + 1, "%016" PRIx64, keys[i]);
    redisReply *reply = NULL;
    const enum err err = redis_do(redis, &reply, "PUBLISH " CHANNEL " %b", message, count * KEY_LENGTH);
    return err == OK ? redis_take_integer(&reply, heard_r) : err;
}

static bool hear_all(const struct news_listener *listener, const char *message, size_t length)
{
    if (length % KEY_LENGTH != 0)
        return false;
    for (size_t at = 0; at < length; at += KEY_LENGTH) {
        char one[KEY_LENGTH + 1] = {0};
        uint8_t bytes[KEY_LENGTH / 2];
        uint64_t key = 0;
        memcpy(one, message + at, KEY_LENGTH);
        if (hex_decode(one, sizeof bytes, bytes) != OK)
            return false;
        for (size_t i = 0; i < sizeof bytes; i++)
            key = key << 8 | bytes[i];
        listener->heard(listener->arg, key);
    }
    return true;
}

static void hear(void *arg, const char *message, size_t length)
{
    if (!message || !hear_all(arg, message, length))
        log_warn("news_not_understood");
}

enum err news_listener_start(const struct redis_config *config, void (*heard)(void *arg, uint64_t key), void *arg,
                             struct news_listener **listener_r)
{
    struct news_listener *listener = xcalloc(1, sizeof *listener);
    *listener = (struct news_listener){.heard = heard, .arg = arg};
    listener->subscriber = (struct subscriber){.name = "news", .channel = CHANNEL, .heard = hear, .arg = listener};
    const enum err err = subscription_start(config, &listener->subscriber, &listener->subscription);
    if (err == OK)
        *listener_r = listener;
    else
        free(listener);
    return err;
}

void news_listener_stop(struct news_listener **listener)
{
    if (!*listener)
        return;
    subscription_stop(&(*listener)->subscription);
    free(*listener);
    *listener = NULL;
}
