/* Claim codes in Redis: whose they are, for a few minutes, used once.
 *
 * A code names its own slot, as a keyed hash (keyring_mac, purpose "claim"), so that Redis never holds one in clear.
 * Taking it claims it for a moment: of a hundred who enter it at once one gets it, and the others are told what an
 * unknown one is told. What was taken is settled: spent when the operation succeeded, given back when it failed for
 * another reason. A process that dies in between leaves it taken: it may have been used. */
#ifndef CACHE_CLAIMS_H
#define CACHE_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct keyring;
struct redis;

enum { CLAIMS_HOLDER_SIZE = 33 };

/* Who makes one: the account, and in which era (accounts.h: claims_era). */
struct claim_maker {
    int64_t account_id;
    int64_t era;
};
/* ERR_CONFLICT: there is such a code already. ERR_CACHE_DOWN. */
MUST_CHECK enum err claims_put(struct redis *redis, const struct keyring *ring, const char *code,
                               const struct claim_maker *maker, int64_t lifetime_ms);

struct claim_taken {
    const char *code;
    char holder[CLAIMS_HOLDER_SIZE]; /* out: who took it, for claims_settle */
    struct claim_maker maker;        /* out */
};
/* ERR_NOT_FOUND: unknown, run out, used, or taken by somebody else. ERR_CACHE_DOWN. */
MUST_CHECK enum err claims_take(struct redis *redis, const struct keyring *ring, struct claim_taken *taken);
/* ERR_NOT_FOUND: it is not this taker's any more. */
MUST_CHECK enum err claims_settle(struct redis *redis, const struct keyring *ring, const struct claim_taken *taken,
                                  bool spent);

#endif
