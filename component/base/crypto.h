/* The few cryptographic functions the program needs, over OpenSSL. Algorithms are fetched once (crypto_init): fetching
 * on each call takes a lock in OpenSSL 3.0. Thread-safe after crypto_init. A failure inside OpenSSL ends the process.
 */
#ifndef REGISTRAR_BASE_CRYPTO_H
#define REGISTRAR_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/secret.h"

enum { SHA256_SIZE = 32, MD5_HEX_SIZE = 33 };

/* Before threads start; further calls do nothing. */
void crypto_init(void);
/* Ends the process with a log line naming `what` unless a cryptographic function succeeded. */
void crypto_require(bool succeeded, const char *what);
void random_bytes(void *bytes_r, size_t length);
/* Uniform in [0, bound). bound > 0. */
uint32_t random_below(uint32_t bound);
/* `length` characters drawn uniformly from `alphabet`, with a NUL. */
void random_text(const char *alphabet, size_t length, char *text_r);

void sha256(const void *bytes, size_t length, uint8_t digest_r[SHA256_SIZE]);
void hmac_sha256(struct secret key, const void *bytes, size_t length, uint8_t digest_r[SHA256_SIZE]);
/* Lower-case hex of the MD5 of the bytes, with a NUL: what the dialects' clients compute (dialects.md, Passwords). */
void md5_hex(const void *bytes, size_t length, char hex_r[MD5_HEX_SIZE]);
/* Lower-case hex of SHA-1 with a NUL (41 bytes), for the XEP-0114 handshake alone. */
void sha1_hex(const void *bytes, size_t length, char hex_r[41]);

#endif
