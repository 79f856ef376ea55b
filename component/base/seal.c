/* The keyring and sealing with AES-256-GCM.
 *
 * A key of the ring is never used as it is: one key for sealing and one for each purpose of keyring_mac are derived
 * from it with HMAC-SHA-256, so that no key serves two algorithms. Nonces are random; with 96 bits a key may seal 2^32
 * values (NIST SP 800-38D, 8.3), far more than accounts will ever be made. Changing keys: put the new one first, keep
 * the old ones for opening. Thread-safe: a ring is not changed after it was made. */
#include "component/base/seal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/text.h"

enum { KEY_SIZE = 32, NONCE_SIZE = 12, TAG_SIZE = 16 };

static const char separators[] = ", \t\r\n";

struct key {
    int32_t id;
    uint8_t root[KEY_SIZE];
    uint8_t sealing[KEY_SIZE]; /* derived from root */
};

struct keyring {
    EVP_CIPHER *cipher;
    size_t count;
    struct key keys[];
};

/* derived_r = HMAC-SHA-256(root, "registrar:" use [":" purpose]) */
static void derive(const struct key *key, const char *use, const char *purpose, uint8_t derived_r[KEY_SIZE])
{
    struct arena *arena = arena_new();
    const char *label = arena_printf(arena, "registrar:%s:%s", use, purpose);
    hmac_sha256(secret_of((const char *)key->root, KEY_SIZE), label, strlen(label), derived_r);
    arena_free(&arena);
}

static const struct key *key_by_id(const struct keyring *ring, int32_t id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].id == id)
            return ring->keys + i;
    return NULL;
}

/* One entry "id:hex", modified in place. */
static enum err add_key(struct keyring *ring, char *entry)
{
    char *colon = strchr(entry, ':');
    if (!colon)
        return ERR_INVALID;
    *colon = '\0';
    int64_t id;
    struct key *key = ring->keys + ring->count;
    if (parse_i64(entry, 1, INT32_MAX, &id) != OK || key_by_id(ring, (int32_t)id) ||
        hex_decode(colon + 1, KEY_SIZE, key->root) != OK) {
        secret_wipe(key->root, KEY_SIZE); /* half a key is a secret too */
        return ERR_INVALID;
    }
    key->id = (int32_t)id;
    derive(key, "seal", "", key->sealing);
    ring->count++;
    return OK;
}

/* `text` is modified. */
static enum err add_keys(struct keyring *ring, char *text)
{
    char *rest = NULL;
    for (char *entry = strtok_r(text, separators, &rest); entry; entry = strtok_r(NULL, separators, &rest)) {
        enum err err = add_key(ring, entry);
        if (err != OK)
            return err;
    }
    return ring->count > 0 ? OK : ERR_INVALID;
}

/* Room for as many keys as there can be: each has a colon. */
static struct keyring *ring_for(const char *text)
{
    size_t colons = 0;
    for (; *text; text++)
        colons += *text == ':';
    struct keyring *ring = xcalloc(1, sizeof *ring + (colons + 1) * sizeof *ring->keys);
    ring->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    crypto_require(ring->cipher, "AES-256-GCM");
    return ring;
}

enum err keyring_new(struct secret text, struct keyring **ring_r)
{
    struct arena *arena = arena_new();
    char *copy = arena_copy(arena, secret_expose(text), text.length);
    struct keyring *ring = ring_for(copy);
    enum err err = strlen(copy) == text.length ? add_keys(ring, copy) : ERR_INVALID;
    arena_free(&arena);
    if (err != OK) {
        keyring_free(&ring);
        return err;
    }
    *ring_r = ring;
    return OK;
}

void keyring_free(struct keyring **ring)
{
    if (!*ring)
        return;
    EVP_CIPHER_free((*ring)->cipher);
    secret_wipe(*ring, sizeof **ring + (*ring)->count * sizeof *(*ring)->keys);
    free(*ring);
    *ring = NULL;
}

int32_t keyring_first(const struct keyring *ring)
{
    return ring->keys[0].id;
}

bool keyring_has(const struct keyring *ring, int64_t id)
{
    return id > 0 && id <= INT32_MAX && key_by_id(ring, (int32_t)id) != NULL;
}

/* A context with key, nonce and authenticated context set; lengths of strangers are far below INT_MAX (request limits),
 * which is asserted all the same because OpenSSL counts in int. */
static EVP_CIPHER_CTX *start(const struct keyring *ring, const struct key *key, const uint8_t *nonce,
                             const char *context, int encrypt)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    size_t length = strlen(context);
    int written;
    crypto_require(cipher && length <= INT32_MAX &&
                       EVP_CipherInit_ex2(cipher, ring->cipher, key->sealing, nonce, encrypt, NULL) &&
                       EVP_CipherUpdate(cipher, NULL, &written, (const uint8_t *)context, (int)length),
                   "AES-256-GCM");
    return cipher;
}

struct sealed seal(const struct keyring *ring, struct arena *arena, const char *context, struct secret plain)
{
    const struct key *key = ring->keys;
    crypto_require(plain.length < INT32_MAX - NONCE_SIZE - TAG_SIZE, "a value too long to seal");
    size_t length = NONCE_SIZE + plain.length + TAG_SIZE;
    uint8_t *nonce = arena_alloc(arena, length);
    uint8_t *text = nonce + NONCE_SIZE;
    uint8_t *tag = text + plain.length;

    random_bytes(nonce, NONCE_SIZE);
    EVP_CIPHER_CTX *cipher = start(ring, key, nonce, context, 1);
    int written;
    crypto_require(EVP_CipherUpdate(cipher, text, &written, (const uint8_t *)secret_expose(plain), (int)plain.length) &&
                       EVP_CipherFinal_ex(cipher, tag, &written) &&
                       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag),
                   "AES-256-GCM");
    EVP_CIPHER_CTX_free(cipher);
    return (struct sealed){.key_id = key->id, .bytes = nonce, .length = length};
}

enum err unseal(const struct keyring *ring, struct arena *arena, const char *context, struct sealed sealed,
                struct secret *plain_r)
{
    const struct key *key = key_by_id(ring, sealed.key_id);
    if (!key)
        return ERR_NOT_FOUND;
    if (sealed.length < NONCE_SIZE + TAG_SIZE || sealed.length > INT32_MAX)
        return ERR_INVALID;

    size_t length = sealed.length - NONCE_SIZE - TAG_SIZE;
    const uint8_t *text = sealed.bytes + NONCE_SIZE;
    uint8_t tag[TAG_SIZE];
    memcpy(tag, text + length, TAG_SIZE);
    uint8_t *plain = arena_alloc(arena, length + 1);

    EVP_CIPHER_CTX *cipher = start(ring, key, sealed.bytes, context, 0);
    int written;
    crypto_require(EVP_CipherUpdate(cipher, plain, &written, text, (int)length) &&
                       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag),
                   "AES-256-GCM");
    bool authentic = EVP_CipherFinal_ex(cipher, plain + length, &written) > 0;
    EVP_CIPHER_CTX_free(cipher);
    if (!authentic) {
        secret_wipe(plain, length);
        return ERR_INVALID;
    }
    *plain_r = secret_of((const char *)plain, length);
    return OK;
}

static void mac_under(const struct key *key, const char *purpose, const void *bytes, size_t length, uint8_t mac_r[32])
{
    uint8_t derived[KEY_SIZE];
    derive(key, "mac", purpose, derived);
    hmac_sha256(secret_of((const char *)derived, sizeof derived), bytes, length, mac_r);
    secret_wipe(derived, sizeof derived);
}

void keyring_mac(const struct keyring *ring, const char *purpose, const void *bytes, size_t length, uint8_t mac_r[32])
{
    mac_under(ring->keys, purpose, bytes, length, mac_r);
}

size_t keyring_macs(const struct keyring *ring, struct arena *arena, const char *purpose, const void *bytes,
                    size_t length, struct keyed_mac **macs_r)
{
    *macs_r = arena_array(arena, ring->count, sizeof **macs_r);
    for (size_t i = 0; i < ring->count; i++) {
        (*macs_r)[i].key_id = ring->keys[i].id;
        mac_under(&ring->keys[i], purpose, bytes, length, (*macs_r)[i].bytes);
    }
    return ring->count;
}
