/* Random numbers from the kernel, digests and HMAC from OpenSSL.
 *
 * Algorithms are fetched once: implicit fetching in OpenSSL 3.0 takes a lock that makes two threads slower than one.
 * SHA-256, which every token check computes, also keeps a context a thread, freed when the thread ends; OpenSSL wipes
 * the input from it at the end of each digest. HMAC contexts hold keys and therefore live for one call only.
 *
 * `crypto` is written by crypto_init alone, before threads start. */
#include "component/base/crypto.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "component/base/log.h"
#include "component/base/text.h"

enum { SHA1_SIZE = 20, MD5_SIZE = 16 };

static struct {
    EVP_MD *sha256;
    EVP_MD *sha1;
    EVP_MD *md5;
    EVP_MAC_CTX *hmac_sha256; /* without a key: each call works on a copy */
    pthread_key_t sha256_context;
} crypto;

void crypto_require(bool succeeded, const char *what)
{
    if (!succeeded)
        log_fatal("crypto_failed", F("what", what));
}

static EVP_MD *fetch_digest(const char *name)
{
    EVP_MD *digest = EVP_MD_fetch(NULL, name, NULL);
    crypto_require(digest, name);
    return digest;
}

static EVP_MAC_CTX *fetch_hmac_sha256(void)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    crypto_require(context, "HMAC");
    EVP_MAC_free(hmac); /* the context holds it */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    crypto_require(EVP_MAC_CTX_set_params(context, params), "HMAC-SHA256");
    return context;
}

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

void crypto_init(void)
{
    if (crypto.sha256)
        return;
    crypto.sha256 = fetch_digest("SHA256");
    crypto.sha1 = fetch_digest("SHA1");
    crypto.md5 = fetch_digest("MD5");
    crypto.hmac_sha256 = fetch_hmac_sha256();
    crypto_require(pthread_key_create(&crypto.sha256_context, free_context) == 0, "pthread_key_create");
}

void random_bytes(void *bytes_r, size_t length)
{
    uint8_t *at = bytes_r;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        crypto_require(got > 0 || (got < 0 && errno == EINTR), "getrandom");
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        }
    }
}

uint32_t random_below(uint32_t bound)
{
    /* The first 2^32 mod bound values are thrown away, so that every remainder is as likely. */
    uint32_t unfair = -bound % bound;
    uint32_t value;
    do
        random_bytes(&value, sizeof value);
    while (value < unfair);
    return value % bound;
}

void random_text(const char *alphabet, size_t length, char *text_r)
{
    const size_t letters = strlen(alphabet);
    crypto_require(letters > 0 && letters <= 256, "alphabet");
    const size_t fair = 256 - 256 % letters; /* bytes from here on would favour the alphabet's beginning */
    uint8_t pool[64];
    for (size_t made = 0; made < length;) {
        random_bytes(pool, sizeof pool);
        for (size_t i = 0; i < sizeof pool && made < length; i++)
            if (pool[i] < fair)
                text_r[made++] = alphabet[pool[i] % letters];
    }
    text_r[length] = '\0';
    secret_wipe(pool, sizeof pool);
}

/* This thread's context for SHA-256, made at its first use. */
static EVP_MD_CTX *sha256_context(void)
{
    crypto_require(crypto.sha256, "crypto_init was not called");
    EVP_MD_CTX *context = pthread_getspecific(crypto.sha256_context);
    if (!context) {
        context = EVP_MD_CTX_new();
        crypto_require(context && pthread_setspecific(crypto.sha256_context, context) == 0, "SHA256 context");
    }
    return context;
}

void sha256(const void *bytes, size_t length, uint8_t digest_r[SHA256_SIZE])
{
    EVP_MD_CTX *context = sha256_context();
    crypto_require(EVP_DigestInit_ex2(context, crypto.sha256, NULL) && EVP_DigestUpdate(context, bytes, length) &&
                       EVP_DigestFinal_ex(context, digest_r, NULL),
                   "SHA256");
}

void hmac_sha256(struct secret key, const void *bytes, size_t length, uint8_t digest_r[SHA256_SIZE])
{
    crypto_require(crypto.hmac_sha256, "crypto_init was not called");
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(crypto.hmac_sha256);
    size_t written = 0;
    crypto_require(context && EVP_MAC_init(context, (const uint8_t *)secret_expose(key), key.length, NULL) &&
                       EVP_MAC_update(context, bytes, length) &&
                       EVP_MAC_final(context, digest_r, &written, SHA256_SIZE) && written == SHA256_SIZE,
                   "HMAC-SHA256");
    EVP_MAC_CTX_free(context);
}

void md5_hex(const void *bytes, size_t length, char hex_r[MD5_HEX_SIZE])
{
    uint8_t digest[MD5_SIZE];
    crypto_require(EVP_Digest(bytes, length, digest, NULL, crypto.md5, NULL), "MD5");
    hex_encode(digest, sizeof digest, hex_r);
    secret_wipe(digest, sizeof digest);
}

void sha1_hex(const void *bytes, size_t length, char hex_r[41])
{
    uint8_t digest[SHA1_SIZE];
    crypto_require(EVP_Digest(bytes, length, digest, NULL, crypto.sha1, NULL), "SHA1");
    hex_encode(digest, sizeof digest, hex_r);
    secret_wipe(digest, sizeof digest);
}
