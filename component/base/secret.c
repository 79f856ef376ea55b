/* Secrets: wrapping, exposing, comparing in constant time, wiping. */
#include "component/base/secret.h"

#include <string.h>

#include <openssl/crypto.h>

struct secret secret_of(const char *bytes, size_t length)
{
    return (struct secret){.exposed_ = bytes, .length = length};
}

struct secret secret_of_cstr(const char *text)
{
    return text ? secret_of(text, strlen(text)) : (struct secret){0};
}

const char *secret_expose(struct secret secret)
{
    return secret.exposed_ ? secret.exposed_ : "";
}

bool secret_is_empty(struct secret secret)
{
    return secret.length == 0;
}

bool secret_equal(struct secret a, struct secret b)
{
    return a.length == b.length && bytes_equal_ct(secret_expose(a), secret_expose(b), a.length);
}

bool bytes_equal_ct(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

void secret_wipe(void *bytes, size_t length)
{
    explicit_bzero(bytes, length);
}
