/* argon2id (RFC 9106) on a hashing worker: verifiers are PHC strings ($argon2id$v=19$m=...,t=...,p=1$salt$hash). A
 * worker keeps its memory, because getting and wiping 19 MiB anew costs a fifth of the hash. */
#ifndef REGISTRAR_SERVICE_HASHER_H
#define REGISTRAR_SERVICE_HASHER_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct arena;
struct hasher;

struct hash_cost {
    uint32_t memory_kib;
    uint32_t passes;
};

/* For one thread. Memory is taken at the first hash. */
struct hasher *hasher_new(struct hash_cost cost);
void hasher_free(struct hasher **hasher);

/* A fresh verifier of the input at the configured cost, in the arena. */
MUST_CHECK enum err hasher_make(struct hasher *hasher, struct arena *arena, struct secret input,
                                const char **verifier_r);
/* OK or ERR_PASSWORD; ERR_INTERNAL when the verifier is none. stale_r: it was made at less than the configured cost. */
MUST_CHECK enum err hasher_check(struct hasher *hasher, const char *verifier, struct secret input, bool *stale_r);

#endif
