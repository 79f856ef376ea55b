/* Hears which tokens other instances revoked. The memory is open exactly while the subscription is known to live, so
 * that a token revoked elsewhere is forgotten here within a second whatever happens to Redis. What is heard but not
 * understood clears the memory. */
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/cache/subscription.h"
#include "component/cache/token_cache.h"
#include "component/cache/token_channel.h"

struct token_listener {
    struct subscriber subscriber;
    struct subscription *subscription;
};

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

static void hear(void *arg, const char *message, size_t length)
{
    struct token_memory *memory = arg;
    if (message && revoke_all(memory, message, length) == OK)
        return;
    log_warn("revocation_not_understood");
    token_memory_clear(memory);
}

static void set_live(void *arg, bool live)
{
    token_memory_open(arg, live);
}

enum err token_listener_start(const struct redis_config *config, struct token_memory *memory,
                              struct token_listener **listener_r)
{
    struct token_listener *listener = xcalloc(1, sizeof *listener);
    listener->subscriber =
        (struct subscriber){.name = "tokens", .channel = TOKEN_CHANNEL, .live = set_live, .heard = hear, .arg = memory};
    const enum err err = subscription_start(config, &listener->subscriber, &listener->subscription);
    if (err == OK)
        *listener_r = listener;
    else
        free(listener);
    return err;
}

void token_listener_stop(struct token_listener **listener)
{
    if (!*listener)
        return;
    subscription_stop(&(*listener)->subscription);
    free(*listener);
    *listener = NULL;
}
