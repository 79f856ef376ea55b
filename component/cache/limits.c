/* Limits and nonces. What counts, and why it is atomic, is in scripts/limits_pass.lua; here the keys are named.
 *
 * A counter's name holds its period, so that one thing may be limited by the minute and by the day, and so that a
 * changed setting begins anew instead of misreading the old count. */
#include "component/cache/limits.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "component/cache/redis_script.h"

REDIS_SCRIPT(limits_pass_script, "limits_pass.lua");

enum { LIMITS_MAX = 9, NAME_MAX_BYTES = 200, KEY_SIZE = 256, NUMBER_SIZE = 24, MS_PER_S = 1000 };

static bool is_name(const char *what, const char *who)
{
    return strlen(what) + strlen(who) <= NAME_MAX_BYTES;
}

static enum err run(struct redis *redis, const struct limit *limits, size_t count, int64_t *wait_ms_r)
{
    char keys[LIMITS_MAX][KEY_SIZE], numbers[3 * LIMITS_MAX][NUMBER_SIZE];
    const char *arguments[4 * LIMITS_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct limit *limit = &limits[i];
        snprintf(keys[i], KEY_SIZE, REDIS_PREFIX "l:%s:%" PRId64 ":%s", limit->what, limit->period_ms, limit->who);
        const int64_t values[] = {limit->most, limit->period_ms, limit->cost > 0 ? limit->cost : 1};
        arguments[i] = keys[i];
        for (size_t v = 0; v < 3; v++) {
            snprintf(numbers[3 * i + v], NUMBER_SIZE, "%" PRId64, values[v]);
            arguments[count + 3 * i + v] = numbers[3 * i + v];
        }
    }
    redisReply *reply = NULL;
    enum err err = redis_script_run(redis, &limits_pass_script, count, 4 * count, arguments, NULL, &reply);
    return err == OK ? redis_take_integer(&reply, wait_ms_r) : err;
}

enum err limits_pass(struct redis *redis, const struct limit *limits, size_t count, unsigned *retry_after_s_r)
{
    assert(count <= LIMITS_MAX);
    if (count == 0)
        return OK;
    for (size_t i = 0; i < count; i++)
        if (!is_name(limits[i].what, limits[i].who) || limits[i].period_ms < 1)
            return ERR_INVALID;
    int64_t wait_ms = 0;
    enum err err = run(redis, limits, count, &wait_ms);
    if (err != OK || wait_ms == 0)
        return err;
    *retry_after_s_r = (unsigned)((wait_ms + MS_PER_S - 1) / MS_PER_S);
    return ERR_LIMITED;
}

enum err nonce_once(struct redis *redis, const char *what, const char *nonce, int64_t period_ms)
{
    if (!is_name(what, nonce))
        return ERR_INVALID;
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "SET " REDIS_PREFIX "n:%s:%s 1 NX PX %" PRId64, what, nonce, period_ms);
    if (err != OK)
        return err;
    bool is_new = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return is_new ? OK : ERR_CONFLICT;
}
