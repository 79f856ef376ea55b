/* What Redis knows of a database: the latest time (ms since 1970, by Postgres's clock) at which it was known to be
 * written to. That outlives what becomes of the database. `identity` is meta_identity's. */
#ifndef CACHE_ALIVE_H
#define CACHE_ALIVE_H

#include <stdint.h>

#include "component/base/err.h"

struct redis;

/* 0: Redis knows of none. */
MUST_CHECK enum err alive_get(struct redis *redis, const char *identity, int64_t *ms_r);
MUST_CHECK enum err alive_set(struct redis *redis, const char *identity, int64_t ms);

#endif
