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

REDIS_SCRIPT(code_window, "code_window.lua");
REDIS_SCRIPT(code_put, "code_put.lua");
REDIS_SCRIPT(code_withdraw, "code_withdraw.lua");
REDIS_SCRIPT(code_claim, "code_claim.lua");
REDIS_SCRIPT(code_settle, "code_settle.lua");
REDIS_SCRIPT(code_void, "code_void.lua");

enum { MAC_BYTES = 16, MAC_SIZE = 2 * MAC_BYTES + 1, KEY_SIZE = CODES_NAME_SIZE, TEXT_MAX = 400 };
/* Longer than a code and then what was verified by it can last (settings.def). */
enum { KEPT_MS = 2 * 24 * 3600 * 1000 };

static void mac_hex(const struct keyring *ring, const char *purpose, const char *text, char hex_r[MAC_SIZE])
{
    uint8_t mac[32];
    keyring_mac(ring, purpose, text, strlen(text), mac);
    hex_encode(mac, MAC_BYTES, hex_r);
}

static void slot_key(const struct keyring *ring, const char *slot, char key_r[KEY_SIZE])
{
    char mac[MAC_SIZE];
    mac_hex(ring, "code.slot", slot, mac);
    snprintf(key_r, KEY_SIZE, REDIS_PREFIX "c:%s", mac);
}

static void phone_key(const struct keyring *ring, const char *phone, char key_r[KEY_SIZE])
{
    char mac[MAC_SIZE];
    mac_hex(ring, "code.phone", phone, mac);
    snprintf(key_r, KEY_SIZE, REDIS_PREFIX "g:%s", mac);
}

/* The code's MAC holds the slot, so that it says nothing in another one. "" for no code. */
static void code_hash(const struct keyring *ring, const char *slot, const char *code, char hash_r[MAC_SIZE])
{
    char text[TEXT_MAX];
    hash_r[0] = '\0';
    if (code == NULL)
        return;
    snprintf(text, sizeof text, "%s\n%s", slot, code);
    mac_hex(ring, "code", text, hash_r);
    secret_wipe(text, sizeof text);
}

struct keys {
    char slot[KEY_SIZE], window[KEY_SIZE], budget[KEY_SIZE], phone[KEY_SIZE];
};

static struct keys keys_of(const struct keyring *ring, const struct code_ask *ask)
{
    struct keys keys;
    char mac[MAC_SIZE];
    slot_key(ring, ask->slot, keys.slot);
    mac_hex(ring, "code.window", ask->window != NULL ? ask->window : ask->slot, mac);
    snprintf(keys.window, KEY_SIZE, REDIS_PREFIX "w:%s", mac);
    snprintf(keys.budget, KEY_SIZE, REDIS_PREFIX "u:%.8s:%.16s", ask->budget.country, ask->budget.day);
    phone_key(ring, ask->phone, keys.phone);
    return keys;
}

enum err codes_window(struct redis *redis, const struct keyring *ring, const struct code_ask *ask, int64_t *left_ms_r)
{
    const struct keys keys = keys_of(ring, ask);
    redisReply *reply = NULL;
    int64_t left_ms = 0;
    enum err err = redis_script_do(redis, &code_window, 3, &reply, "%s %s %s", keys.slot, keys.window, keys.phone);
    if (err == OK)
        err = redis_take_integer(&reply, &left_ms);
    if (err != OK || left_ms == 0)
        return err;
    *left_ms_r = left_ms < 0 ? -left_ms : left_ms;
    return left_ms < 0 ? ERR_LIMITED : ERR_CONFLICT;
}

static enum err put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask, const char *hash,
                    enum code_put *what_r)
{
    static const enum err errs[] = {[CODE_PUT_WINDOW] = ERR_CONFLICT,
                                    [CODE_PUT_COUNTRY] = ERR_LIMITED,
                                    [CODE_PUT_NETWORK] = ERR_LIMITED,
                                    [CODE_PUT_PICTURE] = ERR_PICTURE,
                                    [CODE_PUT_ALL] = OK};
    const struct keys keys = keys_of(ring, ask);
    const struct code_budget *budget = &ask->budget;
    const bool looks = hash[0] == '\0'; /* at the budget alone */
    redisReply *reply = NULL;
    int64_t what = 0;
    enum err err = redis_script_do(redis, &code_put, 4, &reply,
                                   "%s %s %s %s %s %" PRId64 " %" PRId64 " %" PRId64 " %s %s %" PRId64 " %d %s %" PRId64
                                   " %" PRId64 " %" PRId64 " %d",
                                   keys.slot, keys.window, keys.budget, keys.phone, hash, ask->lifetime_ms, ask->tries,
                                   (ask->tries - 1) / 2, ask->source, ask->note,
                                   looks || ask->window == NULL ? 0 : ask->window_ms, (int)KEPT_MS, budget->network,
                                   budget->most, budget->network_most, budget->network_soft, (int)budget->pictured);
    if (err == OK)
        err = redis_take_integer(&reply, &what);
    if (err == OK && (what < 0 || what > CODE_PUT_ALL))
        err = ERR_INTERNAL;
    if (err != OK)
        return err;
    *what_r = (enum code_put)what;
    return errs[what];
}

enum err codes_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask, enum code_put *what_r)
{
    char hash[MAC_SIZE];
    code_hash(ring, ask->slot, ask->code, hash);
    return put(redis, ring, ask, hash, what_r);
}

enum err codes_may_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask,
                       enum code_put *what_r)
{
    return put(redis, ring, ask, "", what_r);
}

enum err codes_withdraw(struct redis *redis, const struct keyring *ring, const struct code_ask *ask)
{
    const struct keys keys = keys_of(ring, ask);
    char hash[MAC_SIZE];
    code_hash(ring, ask->slot, ask->code, hash);
    redisReply *reply = NULL;
    int64_t count = 0;
    const enum err err =
        redis_script_do(redis, &code_withdraw, 3, &reply, "%s %s %s %s", keys.slot, keys.window, keys.budget, hash);
    return err == OK ? redis_take_integer(&reply, &count) : err;
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

/* Takes the reply: nothing, or the note, the budget and the phone. */
static enum err read_claim(redisReply *reply, struct code_claim *claim)
{
    enum err err = ERR_INTERNAL;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) {
        err = ERR_NOT_FOUND;
    } else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && is_text(reply->element[0]) &&
               is_text(reply->element[1]) && is_text(reply->element[2])) {
        snprintf(claim->note, sizeof claim->note, "%s", reply->element[0]->str);
        snprintf(claim->budget, sizeof claim->budget, "%s", reply->element[1]->str);
        snprintf(claim->phone_key, sizeof claim->phone_key, "%s", reply->element[2]->str);
        err = OK;
    }
    freeReplyObject(reply);
    return err;
}

static enum err check(struct redis *redis, const struct keyring *ring, struct code_claim *claim)
{
    char slot[KEY_SIZE], phone[KEY_SIZE] = "", hash[MAC_SIZE];
    slot_key(ring, claim->slot, slot);
    if (claim->phone != NULL)
        phone_key(ring, claim->phone, phone);
    code_hash(ring, claim->slot, claim->code, hash);
    redisReply *reply = NULL;
    const enum err err = redis_script_do(redis, &code_claim, 2, &reply, "%s %s %s %s %d %s %d", slot, phone, hash,
                                         claim->id, (int)CODES_CLAIM_MS, claim->source, (int)KEPT_MS);
    return err == OK ? read_claim(reply, claim) : err;
}

enum err codes_look(struct redis *redis, const struct keyring *ring, struct code_claim *claim)
{
    claim->id[0] = '\0';
    return check(redis, ring, claim);
}

enum err codes_claim(struct redis *redis, const struct keyring *ring, struct code_claim *claim)
{
    uint8_t id[(CODES_CLAIM_SIZE - 1) / 2];
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, claim->id);
    return check(redis, ring, claim);
}

enum err codes_settle(struct redis *redis, const struct keyring *ring, const struct code_claim *claim,
                      enum code_outcome outcome, int64_t lifetime_ms)
{
    static const char *const names[] = {
        [CODE_SPENT] = "spent", [CODE_ENTERED] = "entered", [CODE_RELEASED] = "released", [CODE_VERIFIED] = "verified"};
    char slot[KEY_SIZE];
    slot_key(ring, claim->slot, slot);
    redisReply *reply = NULL;
    int64_t settled = 0;
    enum err err = redis_script_do(redis, &code_settle, 3, &reply, "%s %s %s %s %s %" PRId64 " %d", slot, claim->budget,
                                   claim->phone_key, claim->id, names[outcome], lifetime_ms, (int)KEPT_MS);
    if (err == OK)
        err = redis_take_integer(&reply, &settled);
    return err == OK && settled == 0 ? ERR_NOT_FOUND : err;
}

enum err codes_void(struct redis *redis, const struct keyring *ring, const char *phone)
{
    char key[KEY_SIZE];
    phone_key(ring, phone, key);
    redisReply *reply = NULL;
    int64_t kept = 0;
    const enum err err = redis_script_do(redis, &code_void, 1, &reply, "%s %d", key, (int)KEPT_MS);
    return err == OK ? redis_take_integer(&reply, &kept) : err;
}
