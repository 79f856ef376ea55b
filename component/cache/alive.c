#include "component/cache/alive.h"

#include <inttypes.h>

#include "component/base/text.h"
#include "component/cache/redis.h"
#include "component/cache/redis_script.h"

#define KEY REDIS_PREFIX "alive:%s"

enum err alive_get(struct redis *redis, const char *identity, int64_t *ms_r)
{
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "GET " KEY, identity);
    if (err != OK)
        return err;
    *ms_r = 0;
    if (reply->type == REDIS_REPLY_STRING)
        err = parse_i64(reply->str, 0, INT64_MAX, ms_r) == OK ? OK : ERR_INTERNAL;
    freeReplyObject(reply);
    return err;
}

enum err alive_set(struct redis *redis, const char *identity, int64_t ms)
{
    redisReply *reply = NULL;
    const enum err err = redis_do(redis, &reply, "SET " KEY " %" PRId64, identity, ms);
    if (err == OK)
        freeReplyObject(reply);
    return err;
}
