/* Sealed values: AES-256-GCM with the key's id kept beside the value, so that keys can be changed while old values stay
 * readable.
 *
 * A sealed value is nonce (12 bytes) | ciphertext | tag (16 bytes). The context (such as "jid:1234") is authenticated
 * with it, so that a value moved to another row does not open. */
#ifndef REGISTRAR_BASE_SEAL_H
#define REGISTRAR_BASE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct arena;
struct keyring;

struct sealed {
    int32_t key_id;
    const uint8_t *bytes; /* not owned */
    size_t length;
};

/* `text` is "id:64 hex digits" entries, separated by commas or white space; the first one seals, all of them open. Ids
 * are 1 to 2^31-1, distinct. ERR_INVALID when malformed or empty. The caller owns the ring. Thread-safe once made. */
MUST_CHECK enum err keyring_new(struct secret text, struct keyring **ring_r);
void keyring_free(struct keyring **ring); /* wipes */

/* The id of the key that seals; and whether there is a key with an id. */
int32_t keyring_first(const struct keyring *ring);
bool keyring_has(const struct keyring *ring, int64_t id);

/* The sealed bytes are the arena's. */
struct sealed seal(const struct keyring *ring, struct arena *arena, const char *context, struct secret plain);
/* ERR_NOT_FOUND: the key is not in the ring. ERR_INVALID: not what was sealed in this context. The plain text is the
 * arena's. */
MUST_CHECK enum err unseal(const struct keyring *ring, struct arena *arena, const char *context, struct sealed sealed,
                           struct secret *plain_r);
/* HMAC-SHA-256 under a key derived from the first key for `purpose`: for values that must be findable but not readable.
 */
void keyring_mac(const struct keyring *ring, const char *purpose, const void *bytes, size_t length, uint8_t mac_r[32]);

struct keyed_mac {
    int32_t key_id;
    uint8_t bytes[32];
};
/* The same under each key of the ring, for values that outlive a key: what was noted under all keys there were is found
 * as long as one of them is in the ring. How many goes out; they are the arena's. */
size_t keyring_macs(const struct keyring *ring, struct arena *arena, const char *purpose, const void *bytes,
                    size_t length, struct keyed_mac **macs_r);

#endif
