/* Claim codes (claims.h). What is atomic about them is in the scripts; here a code becomes a MAC. */
#include "component/cache/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/cache/redis_script.h"

REDIS_SCRIPT(claim_put, "claim_put.lua");
REDIS_SCRIPT(claim_take, "claim_take.lua");
REDIS_SCRIPT(claim_settle, "claim_settle.lua");

enum { MAC_BYTES = 16, KEY_SIZE = 64 };

static void slot_key(const struct keyring *ring, const char *code, char key_r[KEY_SIZE])
{
    uint8_t mac[32];
    char hex[2 * MAC_BYTES + 1];
    keyring_mac(ring, "claim", code, strlen(code), mac);
    hex_encode(mac, MAC_BYTES, hex);
    snprintf(key_r, KEY_SIZE, REDIS_PREFIX "j:%s", hex);
}

enum err claims_put(struct redis *redis, const struct keyring *ring, const char *code, const struct claim_maker *maker,
                    int64_t lifetime_ms)
{
    char key[KEY_SIZE];
    slot_key(ring, code, key);
    redisReply *reply = NULL;
    int64_t stored = 0;
    enum err err = redis_script_do(redis, &claim_put, 1, &reply, "%s %" PRId64 " %" PRId64 " %" PRId64, key,
                                   maker->account_id, maker->era, lifetime_ms);
    if (err == OK)
        err = redis_take_integer(&reply, &stored);
    return err == OK && stored == 0 ? ERR_CONFLICT : err;
}

/* Takes the reply: nothing, or the account and the era. */
static enum err read_maker(redisReply *reply, struct claim_maker *maker_r)
{
    enum err err = ERR_INTERNAL;
    if (reply->type == REDIS_REPLY_NIL) {
        err = ERR_NOT_FOUND;
    } else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
               reply->element[0]->type == REDIS_REPLY_INTEGER && reply->element[1]->type == REDIS_REPLY_INTEGER) {
        *maker_r = (struct claim_maker){.account_id = reply->element[0]->integer, .era = reply->element[1]->integer};
        err = OK;
    }
    freeReplyObject(reply);
    return err;
}

enum err claims_take(struct redis *redis, const struct keyring *ring, struct claim_taken *taken)
{
    char key[KEY_SIZE];
    uint8_t holder[(CLAIMS_HOLDER_SIZE - 1) / 2];
    slot_key(ring, taken->code, key);
    random_bytes(holder, sizeof holder);
    hex_encode(holder, sizeof holder, taken->holder);
    redisReply *reply = NULL;
    const enum err err = redis_script_do(redis, &claim_take, 1, &reply, "%s %s", key, taken->holder);
    return err == OK ? read_maker(reply, &taken->maker) : err;
}

enum err claims_settle(struct redis *redis, const struct keyring *ring, const struct claim_taken *taken, bool spent)
{
    char key[KEY_SIZE];
    slot_key(ring, taken->code, key);
    redisReply *reply = NULL;
    int64_t settled = 0;
    enum err err =
        redis_script_do(redis, &claim_settle, 1, &reply, "%s %s %s", key, taken->holder, spent ? "spent" : "released");
    if (err == OK)
        err = redis_take_integer(&reply, &settled);
    return err == OK && settled == 0 ? ERR_NOT_FOUND : err;
}
