/* What Redis knows of Postgres: the latest time (ms since 1970, by Postgres's clock) at which the database was known to
 * be written to. It outlives what becomes of the database. */
#ifndef CACHE_ALIVE_H
#define CACHE_ALIVE_H

#include <stdint.h>

#include "component/base/err.h"

struct redis;

/* 0: Redis knows of none. */
MUST_CHECK enum err alive_get(struct redis *redis, int64_t *ms_r);
MUST_CHECK enum err alive_set(struct redis *redis, int64_t ms);

#endif
