/* Limits: how often something may happen for somebody in a period; sliding windows of two buckets, in Redis, by one
 * atomic script. */
#ifndef CACHE_LIMITS_H
#define CACHE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct redis;

struct limit {
    const char *what; /* static: "picture.address" */
    const char *who;  /* an address, a token's hash in hex, a MAC of a phone: never a secret or a whole phone number */
    int64_t most;     /* in period_ms */
    int64_t period_ms;
    int64_t cost; /* how many events this one counts as; 0: one */
};

/* One that the event counts against once. */
#define LIMIT(what_, who_, most_, period_ms_)                                                                          \
    {                                                                                                                  \
        .what = (what_), .who = (who_), .most = (most_), .period_ms = (period_ms_)                                     \
    }

/* Counts the event for all of them if none is over, for none of them otherwise: ERR_LIMITED with the seconds to wait
 * (rounded up, 1 or more) in *retry_after_s_r. ERR_CACHE_DOWN: fail closed is the caller's to decide. The clock is
 * Redis's. At most 9 limits. */
MUST_CHECK enum err limits_pass(struct redis *redis, const struct limit *limits, size_t count,
                                unsigned *retry_after_s_r);
/* A nonce that may be used once in period_ms: ERR_CONFLICT when it was seen. `what` and `nonce` as above. */
MUST_CHECK enum err nonce_once(struct redis *redis, const char *what, const char *nonce, int64_t period_ms);

#endif
