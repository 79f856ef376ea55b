/* A registration in steps (004) in Redis: a phone that was verified, who verified it, and then the password.
 *
 * It begins when the code has passed, so what is there was verified. It lives for a fixed time, however many steps are
 * taken. Who goes on with it must have its cookie or come from the same address (dialects.md, 004), because nothing
 * else ties the steps together. In Redis the phone and the cookie are MACs (keyring_mac, purposes "steps.phone" and
 * "steps.cookie") and the password is sealed. */
#ifndef CACHE_STEPS_H
#define CACHE_STEPS_H

#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"
#include "component/base/secret.h"

struct arena;
struct keyring;
struct redis;

enum { STEPS_MAC_SIZE = 33 };

/* Whose it is said to be. */
struct steps_owner {
    const char *phone;    /* E.164 */
    struct secret cookie; /* empty without one */
    const char *peer;     /* the address */
};

struct steps {
    char cookie_mac[STEPS_MAC_SIZE]; /* tells this registration from one that began later */
    struct sealed password;          /* bytes NULL until it was given; the arena's */
};

/* In the place of an earlier one. */
MUST_CHECK enum err steps_begin(struct redis *redis, const struct keyring *ring, const struct steps_owner *owner,
                                int64_t lifetime_ms);
/* ERR_NOT_FOUND: there is none, or it is somebody else's. */
MUST_CHECK enum err steps_find(struct redis *redis, const struct keyring *ring, struct arena *arena,
                               const struct steps_owner *owner, struct steps *steps_r);
/* In the place of an earlier password. ERR_NOT_FOUND: it has ended, or begun anew, since it was found. */
MUST_CHECK enum err steps_set_password(struct redis *redis, const struct keyring *ring, const char *phone,
                                       const struct steps *steps, const struct sealed *password);
/* Nothing happens to one that began later. */
MUST_CHECK enum err steps_end(struct redis *redis, const struct keyring *ring, const char *phone,
                              const struct steps *steps);

#endif
