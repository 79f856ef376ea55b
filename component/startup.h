/* What must be so before anything is served: the schema, the database's XMPP domain, Redis's durability; and taking
 * over what an earlier run of this instance left. */
#ifndef COMPONENT_STARTUP_H
#define COMPONENT_STARTUP_H

#include <stdint.h>

#include "component/base/err.h"

struct config;
struct instance;
struct pg_config;
struct redis_config;

/* The name of this process among several on one database. */
const char *startup_instance(const struct config *config);
/* Once. OK: the epoch of the token cache goes out. ERR_DB_DOWN, ERR_UNCERTAIN, ERR_CACHE_DOWN: one
 * of the two cannot be reached, try again. Others: an operator must act; logged. */
MUST_CHECK enum err startup_run(const struct config *config, const struct instance *instance,
                                const struct pg_config *pg, const struct redis_config *redis, int64_t *epoch_r);
/* registrard --migrate. */
MUST_CHECK enum err startup_migrate(const struct pg_config *pg);

#endif
