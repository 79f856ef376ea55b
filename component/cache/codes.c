/* Phone codes (codes.h). What is atomic about them is in the scripts; here slots, codes and windows become MACs. */
#include "component/cache/codes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/base/secret.h"
#include "component/base/text.h"
#include "component/cache/redis_script.h"

REDIS_SCRIPT(code_put, "code_put.lua");
REDIS_SCRIPT(code_withdraw, "code_withdraw.lua");
REDIS_SCRIPT(code_claim, "code_claim.lua");
REDIS_SCRIPT(code_settle, "code_settle.lua");

enum { MAC_BYTES = 16, KEY_SIZE = 80, TEXT_MAX = 400 };

static void mac_hex(const struct keyring *ring, const char *purpose, const char *text, char hex_r[CODES_MAC_SIZE])
{
    uint8_t mac[32];
    keyring_mac(ring, purpose, text, strlen(text), mac);
    hex_encode(mac, MAC_BYTES, hex_r);
}

static void slot_key(const struct keyring *ring, const char *slot, char key_r[KEY_SIZE])
{
    char mac[CODES_MAC_SIZE];
    mac_hex(ring, "code.slot", slot, mac);
    snprintf(key_r, KEY_SIZE, REDIS_PREFIX "c:%s", mac);
}

/* The code's MAC holds the slot, so that it says nothing in another one. "" for no code. */
static void code_hash(const struct keyring *ring, const char *slot, const char *code, char hash_r[CODES_MAC_SIZE])
{
    char text[TEXT_MAX];
    hash_r[0] = '\0';
    if (code == NULL)
        return;
    snprintf(text, sizeof text, "%s\n%s", slot, code);
    mac_hex(ring, "code", text, hash_r);
    secret_wipe(text, sizeof text);
}

static void other_keys(const struct keyring *ring, const struct code_ask *ask, char window_r[KEY_SIZE],
                       char budget_r[KEY_SIZE])
{
    char mac[CODES_MAC_SIZE];
    mac_hex(ring, "code.window", ask->window != NULL ? ask->window : ask->slot, mac);
    snprintf(window_r, KEY_SIZE, REDIS_PREFIX "w:%s", mac);
    snprintf(budget_r, KEY_SIZE, REDIS_PREFIX "b:%.8s:%.16s", ask->country, ask->day);
}

enum err codes_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask)
{
    char slot[KEY_SIZE], window[KEY_SIZE], budget[KEY_SIZE], hash[CODES_MAC_SIZE];
    slot_key(ring, ask->slot, slot);
    other_keys(ring, ask, window, budget);
    code_hash(ring, ask->slot, ask->code, hash);
    redisReply *reply = NULL;
    int64_t outcome = 0;
    enum err err = redis_script_do(
        redis, &code_put, 3, &reply, "%s %s %s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s", slot, window,
        budget, hash, ask->lifetime_ms, ask->tries, ask->window != NULL ? ask->window_ms : 0, ask->budget, ask->note);
    if (err == OK)
        err = redis_take_integer(&reply, &outcome);
    if (err != OK)
        return err;
    return outcome == 0 ? OK : outcome == 1 ? ERR_CONFLICT : ERR_LIMITED;
}

enum err codes_withdraw(struct redis *redis, const struct keyring *ring, const struct code_ask *ask)
{
    char slot[KEY_SIZE], window[KEY_SIZE], budget[KEY_SIZE], hash[CODES_MAC_SIZE];
    slot_key(ring, ask->slot, slot);
    other_keys(ring, ask, window, budget);
    code_hash(ring, ask->slot, ask->code, hash);
    redisReply *reply = NULL;
    int64_t count = 0;
    const enum err err = redis_script_do(redis, &code_withdraw, 3, &reply, "%s %s %s %s", slot, window, budget, hash);
    return err == OK ? redis_take_integer(&reply, &count) : err;
}

enum err codes_claim(struct redis *redis, const struct keyring *ring, struct code_claim *claim)
{
    char slot[KEY_SIZE], hash[CODES_MAC_SIZE];
    uint8_t id[MAC_BYTES];
    slot_key(ring, claim->slot, slot);
    code_hash(ring, claim->slot, claim->code, hash);
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, claim->id);
    redisReply *reply = NULL;
    enum err err = redis_script_do(redis, &code_claim, 1, &reply, "%s %b %s %d", slot, hash, strlen(hash), claim->id,
                                   (int)CODES_CLAIM_MS);
    if (err != OK)
        return err;
    if (reply->type != REDIS_REPLY_STRING)
        err = ERR_INTERNAL;
    else if (reply->str[0] != '+')
        err = ERR_NOT_FOUND;
    else
        snprintf(claim->note, sizeof claim->note, "%s", reply->str + 1);
    freeReplyObject(reply);
    return err;
}

enum err codes_settle(struct redis *redis, const struct keyring *ring, const struct code_claim *claim,
                      enum code_outcome outcome, int64_t lifetime_ms)
{
    static const char *const names[] = {
        [CODE_SPENT] = "spent", [CODE_RELEASED] = "released", [CODE_VERIFIED] = "verified"};
    char slot[KEY_SIZE];
    slot_key(ring, claim->slot, slot);
    redisReply *reply = NULL;
    int64_t settled = 0;
    enum err err = redis_script_do(redis, &code_settle, 1, &reply, "%s %s %s %" PRId64, slot, claim->id, names[outcome],
                                   lifetime_ms);
    if (err == OK)
        err = redis_take_integer(&reply, &settled);
    return err == OK && settled == 0 ? ERR_NOT_FOUND : err;
}
