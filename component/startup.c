#include "component/startup.h"

#include "component/base/log.h"
#include "component/cache/redis.h"
#include "component/config.h"
#include "component/service/restored.h"
#include "sql/meta.h"
#include "sql/migrate.h"
#include "sql/outbox.h"
#include "sql/pg.h"

const char *startup_instance(const struct config *config)
{
    return config->server_instance[0] != '\0' ? config->server_instance : config->xmpp_component;
}

static enum err check_redis(const struct config *config, struct redis *redis)
{
    const enum err err = redis_check_durable(redis);
    return err == ERR_INVALID && config->redis_allow_eviction ? OK : err;
}

static enum err take_over(const struct config *config, const struct instance *instance, struct pg *pg,
                          struct redis *redis, int64_t *epoch_r)
{
    enum err err = migrate(pg, config->server_migrate);
    if (err == OK)
        err = meta_claim_domain(pg, config->xmpp_domain);
    if (err == OK)
        err = check_redis(config, redis);
    if (err == OK)
        err = restored_check(pg, redis);
    /* A revocation may have been committed by an earlier run that ended before Redis knew. */
    if (err == OK)
        err = meta_raise_epoch(pg, epoch_r);
    if (err == OK)
        err = outbox_release(pg, instance);
    return err;
}

enum err startup_run(const struct config *config, const struct instance *instance, const struct pg_config *pg_config,
                     const struct redis_config *redis_config, int64_t *epoch_r)
{
    struct pg *pg = pg_new(pg_config);
    struct redis *redis = redis_new(redis_config);
    const enum err err = take_over(config, instance, pg, redis, epoch_r);
    redis_free(&redis);
    pg_free(&pg);
    return err;
}

enum err startup_migrate(const struct pg_config *pg_config)
{
    struct pg *pg = pg_new(pg_config);
    const enum err err = migrate(pg, true);
    pg_free(&pg);
    return err;
}
