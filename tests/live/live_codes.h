/* What the tests of phone codes on a real Redis share: a code to ask for, and checking it. */
#ifndef TESTS_LIVE_CODES_H
#define TESTS_LIVE_CODES_H

#include "tests/live/live_redis.h"

#include "component/cache/codes.h"

enum { LIFETIME_MS = 60000, WINDOW_MS = 30000, TRIES = 5 };

static char names[4][17]; /* of a test: slot, window, day, phone */

static inline struct code_ask new_ask(const char *code)
{
    return (struct code_ask){
        .slot = new_name(names[0]),
        .window = new_name(names[1]),
        .phone = new_name(names[3]),
        .source = "",
        .budget = {.country = "86", .day = new_name(names[2]), .network = "192.0.2.0/24", .network_soft = 1000},
        .code = code,
        .note = "register:0123",
        .lifetime_ms = LIFETIME_MS,
        .tries = TRIES,
    };
}

static inline enum err put(const struct code_ask *ask)
{
    enum code_put what;
    return codes_put(redis, ring, ask, &what);
}

static inline enum err claim_of(const char *slot, const char *code, struct code_claim *claim_r)
{
    *claim_r = (struct code_claim){.slot = slot, .phone = names[3], .code = code, .source = ""};
    return codes_claim(redis, ring, claim_r);
}

static inline enum err look(const char *slot, const char *code)
{
    struct code_claim claim = {.slot = slot, .phone = names[3], .code = code, .source = ""};
    return codes_look(redis, ring, &claim);
}

static inline enum err settle(const struct code_claim *claim, enum code_outcome outcome)
{
    return codes_settle(redis, ring, claim, outcome, LIFETIME_MS);
}

static inline enum code_put told(const struct code_ask *ask)
{
    enum code_put what = CODE_PUT;
    (void)!codes_put(redis, ring, ask, &what);
    return what;
}

static inline int64_t spent_of_budget(const struct code_ask *ask)
{
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "HGET " REDIS_PREFIX "u:86:%s open", ask->budget.day), OK);
    const int64_t count = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : -1;
    freeReplyObject(reply);
    return count;
}

#endif
