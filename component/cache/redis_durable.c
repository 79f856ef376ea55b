/* Whether Redis keeps what it is given. Asked by INFO, which managed Redises allow where they forbid CONFIG. */
#include <string.h>

#include "component/base/log.h"
#include "component/cache/redis.h"

/* Whether the line "name:value" stands in an answer of INFO. */
static bool says(const char *info, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = strstr(info, line); at; at = strstr(at + 1, line)) {
        bool begins = at == info || at[-1] == '\n';
        if (begins && (at[length] == '\r' || at[length] == '\0'))
            return true;
    }
    return false;
}

static enum err expect(struct redis *redis, const char *section, const char *line, const char *event, const char *hint)
{
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "INFO %s", section);
    if (err != OK)
        return err;
    bool as_expected = reply->type == REDIS_REPLY_STRING && says(reply->str, line);
    freeReplyObject(reply);
    if (as_expected)
        return OK;
    log_error(event, F("expected", line), F("hint", hint));
    return ERR_INVALID;
}

enum err redis_check_durable(struct redis *redis)
{
    enum err evicts = expect(redis, "memory", "maxmemory_policy:noeviction", "redis_may_evict",
                             "set maxmemory-policy noeviction in redis.conf");
    if (evicts != OK && evicts != ERR_INVALID)
        return evicts;
    enum err forgets = expect(redis, "persistence", "aof_enabled:1", "redis_has_no_append_only_file",
                              "set appendonly yes in redis.conf");
    return forgets != OK ? forgets : evicts;
}
