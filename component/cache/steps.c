/* Registrations in steps (steps.h): a hash a phone. What reads and then writes is a script, so that nobody goes on with
 * a registration that was replaced meanwhile. */
#include "component/cache/steps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/cache/redis_script.h"

REDIS_SCRIPT(begin_script, "steps_begin.lua");
REDIS_SCRIPT(password_script, "steps_password.lua");
REDIS_SCRIPT(end_script, "steps_end.lua");

enum { MAC_BYTES = 16, KEY_SIZE = 64 };

static void mac_hex(const struct keyring *ring, const char *purpose, const char *bytes, size_t length,
                    char hex_r[STEPS_MAC_SIZE])
{
    uint8_t mac[32];
    keyring_mac(ring, purpose, bytes, length, mac);
    hex_encode(mac, MAC_BYTES, hex_r);
}

static void key_of(const struct keyring *ring, const char *phone, char key_r[KEY_SIZE])
{
    char mac[STEPS_MAC_SIZE];
    mac_hex(ring, "steps.phone", phone, strlen(phone), mac);
    snprintf(key_r, KEY_SIZE, REDIS_PREFIX "r:%s", mac);
}

static void cookie_mac(const struct keyring *ring, struct secret cookie, char hex_r[STEPS_MAC_SIZE])
{
    mac_hex(ring, "steps.cookie", secret_expose(cookie), cookie.length, hex_r);
}

enum err steps_begin(struct redis *redis, const struct keyring *ring, const struct steps_owner *owner,
                     int64_t lifetime_ms)
{
    char key[KEY_SIZE], cookie[STEPS_MAC_SIZE];
    key_of(ring, owner->phone, key);
    cookie_mac(ring, owner->cookie, cookie);
    redisReply *reply = NULL;
    int64_t kept = 0;
    const enum err err =
        redis_script_do(redis, &begin_script, 1, &reply, "%s %s %s %" PRId64, key, cookie, owner->peer, lifetime_ms);
    return err == OK ? redis_take_integer(&reply, &kept) : err;
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static bool is_owner(const struct keyring *ring, const struct steps_owner *owner, const redisReply *cookie,
                     const redisReply *peer)
{
    char mac[STEPS_MAC_SIZE];
    if (strcmp(peer->str, owner->peer) == 0)
        return true;
    if (secret_is_empty(owner->cookie))
        return false;
    cookie_mac(ring, owner->cookie, mac);
    return cookie->len == sizeof mac - 1 && bytes_equal_ct(mac, cookie->str, cookie->len);
}

/* The reply: cookie, peer, key, sealed. */
static enum err read_steps(const struct keyring *ring, struct arena *arena, const struct steps_owner *owner,
                           const redisReply *reply, struct steps *steps_r)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
        return ERR_INTERNAL;
    redisReply *const *field = reply->element;
    if (!is_text(field[0]) || !is_text(field[1]) || !is_owner(ring, owner, field[0], field[1]))
        return ERR_NOT_FOUND;
    *steps_r = (struct steps){0};
    snprintf(steps_r->cookie_mac, sizeof steps_r->cookie_mac, "%s", field[0]->str);
    if (!is_text(field[2]) || !is_text(field[3]))
        return OK;
    int64_t key_id = 0;
    const enum err err = parse_i64(field[2]->str, 1, INT32_MAX, &key_id);
    steps_r->password = (struct sealed){.key_id = (int32_t)key_id,
                                        .bytes = (const uint8_t *)arena_copy(arena, field[3]->str, field[3]->len),
                                        .length = field[3]->len};
    return err == OK ? OK : ERR_INTERNAL;
}

enum err steps_find(struct redis *redis, const struct keyring *ring, struct arena *arena,
                    const struct steps_owner *owner, struct steps *steps_r)
{
    char key[KEY_SIZE];
    key_of(ring, owner->phone, key);
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "HMGET %s cookie peer key sealed", key);
    if (err != OK)
        return err;
    err = read_steps(ring, arena, owner, reply, steps_r);
    freeReplyObject(reply);
    return err;
}

/* Takes the answer of a script that says whether the registration was still the one that was found. */
static enum err take_found(redisReply **reply)
{
    int64_t found = 0;
    const enum err err = redis_take_integer(reply, &found);
    return err == OK && found == 0 ? ERR_NOT_FOUND : err;
}

enum err steps_set_password(struct redis *redis, const struct keyring *ring, const char *phone,
                            const struct steps *steps, const struct sealed *password)
{
    char key[KEY_SIZE];
    key_of(ring, phone, key);
    redisReply *reply = NULL;
    const enum err err = redis_script_do(redis, &password_script, 1, &reply, "%s %s %" PRId32 " %b", key,
                                         steps->cookie_mac, password->key_id, password->bytes, password->length);
    return err == OK ? take_found(&reply) : err;
}

enum err steps_end(struct redis *redis, const struct keyring *ring, const char *phone, const struct steps *steps)
{
    char key[KEY_SIZE];
    key_of(ring, phone, key);
    redisReply *reply = NULL;
    const enum err err = redis_script_do(redis, &end_script, 1, &reply, "%s %s", key, steps->cookie_mac);
    return err == OK ? take_found(&reply) : err;
}
