#include "component/cache/callers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "component/base/seal.h"
#include "component/base/secret.h"
#include "component/base/text.h"
#include "component/cache/redis_script.h"

REDIS_SCRIPT(callers_note_script, "callers_note.lua");
REDIS_SCRIPT(callers_known_script, "callers_known.lua");

/* Half a MAC tells a few callers of one phone apart. */
enum { PHONE_BYTES = 16, WHO_BYTES = 8, KEY_SIZE = 64, WHO_SIZE = 2 * WHO_BYTES + 1, TEXT_MAX = 256 };

struct names {
    char key[KEY_SIZE], network[WHO_SIZE], handset[WHO_SIZE];
};

static void mac_hex(const struct keyring *ring, const char *purpose, const char *text, size_t bytes, char *hex_r)
{
    uint8_t mac[32];
    keyring_mac(ring, purpose, text, strlen(text), mac);
    hex_encode(mac, bytes, hex_r);
}

/* "" for nobody. */
static void name_who(const struct keyring *ring, const struct callers *callers, const char *kind, const char *who,
                     char name_r[WHO_SIZE])
{
    char text[TEXT_MAX];
    name_r[0] = '\0';
    if (who == NULL || who[0] == '\0')
        return;
    snprintf(text, sizeof text, "%s\n%s\n%s", callers->phone, kind, who);
    mac_hex(ring, "callers.who", text, WHO_BYTES, name_r);
    secret_wipe(text, sizeof text);
}

static struct names names_of(const struct keyring *ring, const struct callers *callers)
{
    struct names names;
    char mac[2 * PHONE_BYTES + 1];
    mac_hex(ring, "callers.phone", callers->phone, PHONE_BYTES, mac);
    snprintf(names.key, KEY_SIZE, REDIS_PREFIX "k:%s", mac);
    name_who(ring, callers, "network", callers->network, names.network);
    name_who(ring, callers, "handset", callers->handset, names.handset);
    return names;
}

enum err callers_note(struct redis *redis, const struct keyring *ring, const struct callers *callers, bool alone,
                      int64_t lifetime_ms)
{
    const struct names names = names_of(ring, callers);
    redisReply *reply = NULL;
    int64_t count = 0;
    const enum err err =
        redis_script_do(redis, &callers_note_script, 1, &reply, "%s %d %" PRId64 " %d %s %s", names.key, (int)alone,
                        lifetime_ms, (int)CALLERS_MOST, names.network, names.handset);
    return err == OK ? redis_take_integer(&reply, &count) : err;
}

enum err callers_known(struct redis *redis, const struct keyring *ring, const struct callers *callers, bool *known_r)
{
    const struct names names = names_of(ring, callers);
    redisReply *reply = NULL;
    int64_t known = 0;
    enum err err =
        redis_script_do(redis, &callers_known_script, 1, &reply, "%s %s %s", names.key, names.network, names.handset);
    if (err == OK)
        err = redis_take_integer(&reply, &known);
    *known_r = err == OK && known != 0;
    return err;
}
