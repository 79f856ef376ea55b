/* Pictures (captcha): an id, an answer, used once. In Redis as a keyed hash (keyring_mac, purpose "picture"), never in
 * clear. */
#ifndef CACHE_PICTURES_H
#define CACHE_PICTURES_H

#include <stdint.h>

#include "component/base/err.h"

struct keyring;
struct redis;

enum { PICTURE_ID_SIZE = 33 }; /* 32 hex digits and a NUL: 128 random bits */

/* Stores the answer under a new id for lifetime_ms. */
MUST_CHECK enum err pictures_put(struct redis *redis, const struct keyring *ring, const char *answer,
                                 int64_t lifetime_ms, char id_r[PICTURE_ID_SIZE]);
/* Takes the picture away, whether the answer is right or not (one try a picture), and compares without regard to case.
 * ERR_PICTURE when it is unknown, used, expired or wrong. */
MUST_CHECK enum err pictures_take(struct redis *redis, const struct keyring *ring, const char *id, const char *answer);

#endif
