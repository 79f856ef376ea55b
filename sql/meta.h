/* Facts about the database as a whole. */
#ifndef SQL_META_H
#define SQL_META_H

#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct pg;

/* The database belongs to one XMPP domain: the first start writes it down, another one is ERR_CONFLICT (logged). */
MUST_CHECK enum err meta_claim_domain(struct pg *pg, const char *domain);
/* The epoch of the token cache (token_cache.h): read, or raised; the epoch in force goes to epoch_r. It is the time in
 * milliseconds or one more than the one before, so that no epoch comes twice, not even when the database is set back to
 * an older state: Redis may still hold what was taken under the epochs that are forgotten then. */
MUST_CHECK enum err meta_epoch(struct pg *pg, int64_t *epoch_r);
MUST_CHECK enum err meta_raise_epoch(struct pg *pg, int64_t *epoch_r);
/* What tells this database from others, and stays with it when it is dumped and restored: drawn at random by the first
 * who asks; the arena's. */
MUST_CHECK enum err meta_identity(struct pg *pg, struct arena *arena, const char **identity_r);
/* The latest time (ms since 1970) at which a process was known to write to this database: read (0: never), or moved on
 * to now. Redis is told of it, so that a database that was set back is noticed (service/restored.h). */
MUST_CHECK enum err meta_alive(struct pg *pg, int64_t *ms_r);
MUST_CHECK enum err meta_live(struct pg *pg, int64_t *ms_r);
/* A value by key; NULL when there is none. The arena's. */
MUST_CHECK enum err meta_get(struct pg *pg, struct arena *arena, const char *key, const char **value_r);
MUST_CHECK enum err meta_set(struct pg *pg, const char *key, const char *value);

#endif
