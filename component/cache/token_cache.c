/* Checked tokens in Redis: "registrar:t:" and the token's hash in hex, so that an operator who has a token finds it
 * with sha256sum. The value is "run epoch account end", or "x": a tombstone.
 *
 * The run is that of the Redis which took the entry (redis_exchange.h). A Redis that dies may forget what it answered
 * last (two seconds, with appendfsync everysec), and a replica that takes over may never have heard it: a tombstone
 * could be gone and the entry below it back. So entries of another run count as misses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/cache/redis_exchange.h"
#include "component/cache/redis_script.h"
#include "component/cache/token_cache.h"
#include "component/cache/token_channel.h"

REDIS_SCRIPT(token_put_script, "token_put.lua");
REDIS_SCRIPT(token_revoke_script, "token_revoke.lua");

#define TOKEN_PREFIX REDIS_PREFIX "t:"
#define TOMBSTONE    "x"

enum { KEY_SIZE = sizeof TOKEN_PREFIX + TOKEN_HEX_LENGTH, NUMBER_SIZE = 24, REVOKE_ARGUMENTS = 3 };

static void name_key(const struct token_key *key, char name_r[KEY_SIZE])
{
    memcpy(name_r, TOKEN_PREFIX, sizeof TOKEN_PREFIX);
    hex_encode(key->hash, sizeof key->hash, name_r + strlen(TOKEN_PREFIX));
}

static bool next_number(char **rest, int64_t *number_r)
{
    const char *word = strsep(rest, " ");
    return word && parse_i64(word, INT64_MIN, INT64_MAX, number_r) == OK;
}

/* Takes the value apart. */
static enum err parse_value(char *value, const char *run, int64_t epoch, struct token_entry *entry_r)
{
    if (strcmp(value, TOMBSTONE) == 0)
        return ERR_TOKEN;
    const char *kept_run = strsep(&value, " ");
    int64_t kept_epoch = 0;
    struct token_entry entry = {0};
    if (!next_number(&value, &kept_epoch) || !next_number(&value, &entry.account_id) ||
        !next_number(&value, &entry.expires_unix_ms))
        return ERR_NOT_FOUND;
    if (strcmp(kept_run, run) != 0 || kept_epoch != epoch)
        return ERR_NOT_FOUND;
    *entry_r = entry;
    return OK;
}

enum err token_cache_get(struct redis *redis, int64_t epoch, const struct token_key *key, struct token_entry *entry_r)
{
    char name[KEY_SIZE];
    name_key(key, name);
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "GET %s", name);
    if (err != OK)
        return err;
    err = reply->type == REDIS_REPLY_STRING ? parse_value(reply->str, redis_run(redis), epoch, entry_r) : ERR_NOT_FOUND;
    freeReplyObject(reply);
    return err;
}

enum err token_cache_put(struct redis *redis, int64_t epoch, const struct token_key *key,
                         const struct token_entry *entry, int64_t lifetime_ms)
{
    char name[KEY_SIZE];
    name_key(key, name);
    redisReply *reply = NULL;
    enum err err =
        redis_script_do(redis, &token_put_script, 1, &reply, "%s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, name,
                        redis_run(redis), epoch, entry->account_id, entry->expires_unix_ms, lifetime_ms);
    int64_t kept;
    return err == OK ? redis_take_integer(&reply, &kept) : err;
}

enum err token_cache_revoke(struct redis *redis, const struct token_key *keys, size_t count, int64_t lifetime_ms)
{
    if (count == 0)
        return OK;
    char *names = xcalloc(count, KEY_SIZE);
    char *message = xcalloc(count, TOKEN_HEX_LENGTH + 1);
    const char **arguments = xcalloc(count + REVOKE_ARGUMENTS, sizeof *arguments);
    char lifetime[NUMBER_SIZE];
    snprintf(lifetime, sizeof lifetime, "%" PRId64, lifetime_ms);
    for (size_t i = 0; i < count; i++) {
        char *name = names + i * KEY_SIZE;
        name_key(&keys[i], name);
        memcpy(message + i * TOKEN_HEX_LENGTH, name + strlen(TOKEN_PREFIX), TOKEN_HEX_LENGTH);
        arguments[i] = name;
    }
    arguments[count] = lifetime;
    arguments[count + 1] = TOKEN_CHANNEL;
    arguments[count + 2] = message;
    redisReply *reply = NULL;
    enum err err =
        redis_script_run(redis, &token_revoke_script, count, count + REVOKE_ARGUMENTS, arguments, NULL, &reply);
    int64_t heard;
    if (err == OK)
        err = redis_take_integer(&reply, &heard);
    free(arguments);
    free(message);
    free(names);
    return err;
}
