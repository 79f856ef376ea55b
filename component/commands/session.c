#include "component/commands/session.h"

#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/base/secret.h"
#include "component/base/text.h"

enum { NONCE_BYTES = 8, TIME_DIGITS = 12, MAC_BYTES = 16, HEAD = TIME_DIGITS + 2 * NONCE_BYTES, MS_PER_S = 1000 };

/* `head` is the time and the nonce. */
static const char *sign(struct arena *arena, const struct keyring *ring, const char *head, const char *jid,
                        const char *node)
{
    uint8_t mac[32];
    char *hex = arena_alloc(arena, 2 * MAC_BYTES + 1);
    const char *text = arena_printf(arena, "%s\n%s\n%s", head, node, jid);
    keyring_mac(ring, "command.session", text, strlen(text), mac);
    hex_encode(mac, MAC_BYTES, hex);
    return hex;
}

const char *session_make(struct arena *arena, const struct keyring *ring, const char *jid, const char *node,
                         int64_t now)
{
    uint8_t nonce[NONCE_BYTES];
    char hex[2 * NONCE_BYTES + 1];
    random_bytes(nonce, sizeof nonce);
    hex_encode(nonce, sizeof nonce, hex);
    const char *head = arena_printf(arena, "%0*" PRId64 "%s", (int)TIME_DIGITS, now, hex);
    return arena_printf(arena, "%s%s", head, sign(arena, ring, head, jid, node));
}

enum err session_check(struct arena *arena, const struct keyring *ring, const char *id, const char *jid,
                       const char *node, int64_t now, int64_t lifetime_ms)
{
    int64_t made;
    if (strlen(id) != HEAD + (size_t)2 * MAC_BYTES)
        return ERR_INVALID;
    const char *head = arena_copy(arena, id, HEAD);
    if (!secret_equal(secret_of_cstr(id + HEAD), secret_of_cstr(sign(arena, ring, head, jid, node))))
        return ERR_INVALID;
    if (parse_i64(arena_copy(arena, id, TIME_DIGITS), 0, INT64_MAX / MS_PER_S, &made) != OK)
        return ERR_INVALID;
    return (now - made) * MS_PER_S > lifetime_ms ? ERR_TIMEOUT : OK;
}
