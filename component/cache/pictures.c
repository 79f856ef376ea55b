/* Pictures' answers. GETDEL gives an answer to one taker only, whoever else asks at the same time. What Redis holds is
 * a MAC of id and answer: who reads Redis cannot tell the few characters of an answer by trying. */
#include "component/cache/pictures.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/base/secret.h"
#include "component/base/text.h"
#include "component/cache/redis_script.h"

enum { ID_BYTES = (PICTURE_ID_SIZE - 1) / 2, MAC_SIZE = 32, ANSWER_MAX = 64 };

static void mac_of(const struct keyring *ring, const char *id, const char *answer, uint8_t mac_r[MAC_SIZE])
{
    char text[PICTURE_ID_SIZE + ANSWER_MAX];
    size_t length = strlen(answer);
    memcpy(text, id, PICTURE_ID_SIZE - 1);
    for (size_t i = 0; i < length; i++)
        text[PICTURE_ID_SIZE - 1 + i] = (char)toupper((unsigned char)answer[i]);
    keyring_mac(ring, "picture", text, PICTURE_ID_SIZE - 1 + length, mac_r);
    secret_wipe(text, sizeof text);
}

enum err pictures_put(struct redis *redis, const struct keyring *ring, const char *answer, int64_t lifetime_ms,
                      char id_r[PICTURE_ID_SIZE])
{
    if (strlen(answer) > ANSWER_MAX)
        return ERR_INVALID;
    uint8_t id[ID_BYTES], mac[MAC_SIZE];
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, id_r);
    mac_of(ring, id_r, answer, mac);
    redisReply *reply = NULL;
    enum err err =
        redis_do(redis, &reply, "SET " REDIS_PREFIX "p:%s %b NX PX %" PRId64, id_r, mac, sizeof mac, lifetime_ms);
    if (err != OK)
        return err;
    bool stored = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return stored ? OK : ERR_INTERNAL;
}

static bool is_id(const char *id)
{
    return strlen(id) == PICTURE_ID_SIZE - 1 && text_only_of(id, "0123456789abcdef");
}

enum err pictures_take(struct redis *redis, const struct keyring *ring, const char *id, const char *answer)
{
    if (!is_id(id))
        return ERR_PICTURE;
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "GETDEL " REDIS_PREFIX "p:%s", id);
    if (err != OK)
        return err;
    /* A longer answer is wrong, and is looked at only after the picture has gone. */
    bool right = reply->type == REDIS_REPLY_STRING && reply->len == MAC_SIZE && strlen(answer) <= ANSWER_MAX;
    if (right) {
        uint8_t mac[MAC_SIZE];
        mac_of(ring, id, answer, mac);
        right = bytes_equal_ct(mac, reply->str, MAC_SIZE);
    }
    freeReplyObject(reply);
    return right ? OK : ERR_PICTURE;
}
