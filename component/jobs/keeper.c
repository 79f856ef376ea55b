/* The keeper (keeper.h): one thread with a session of each kind. Other processes' revocations that Redis missed are
 * heard of here, so nothing here may wait for more than Postgres. */
#include "component/jobs/keeper.h"

#include <stdlib.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/cache/redis.h"
#include "component/jobs/errand.h"
#include "component/jobs/ticker.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/asks.h"
#include "sql/drift.h"
#include "sql/pg.h"
#include "sql/sessions.h"
#include "sql/wrong_passwords.h"

enum { PURGE_MS = 600000, PURGE_ROWS = 10000 };

struct keeper {
    const struct jobs_config *config;
    struct worker worker; /* the thread's, as what follows */
    int64_t purge_at_ms;
    struct ticker *ticker;
};

static void count_outbox(struct keeper *keeper)
{
    struct outbox_counts counts;
    if (outbox_count(keeper->worker.pg, keeper->config->stuck_after, &counts) != OK)
        return;
    for (enum outbox_kind kind = OUTBOX_CREATE_JID; kind <= OUTBOX_COMPARE; kind++)
        metric_set(M_OUTBOX_DUE, errand_kind_name(kind), counts.waiting[kind]);
    metric_set(M_OUTBOX_DUE, errand_kind_name(OUTBOX_ASK), counts.waiting[OUTBOX_ASK]);
    metric_set(M_OUTBOX_STUCK, "", counts.stuck);
    metric_set(M_OUTBOX_OLDEST, "", counts.oldest_ms / 1000);
}

static void purge(struct keeper *keeper)
{
    int64_t count = 0;
    if (clock_ms() < keeper->purge_at_ms || sessions_purge(keeper->worker.pg, PURGE_ROWS, &count) != OK)
        return;
    int64_t forgotten = 0, asks = 0;
    if (wrong_passwords_purge(keeper->worker.pg, PURGE_ROWS, &forgotten) != OK ||
        asks_purge(keeper->worker.pg, PURGE_ROWS, &asks) != OK)
        return;
    int64_t ended = 0;
    if (drift_forget_ended(keeper->worker.pg, keeper->config->reconcile.remember_ms, PURGE_ROWS, &ended) != OK)
        return;
    if (count > 0)
        log_info("sessions_purged", F("count", count));
    const bool through = count < PURGE_ROWS && forgotten < PURGE_ROWS && ended < PURGE_ROWS && asks < PURGE_ROWS;
    keeper->purge_at_ms = clock_ms() + (through ? PURGE_MS : 0);
}

static void tick(void *arg)
{
    struct keeper *keeper = arg;
    if (tokens_follow_epoch(keeper->config->services, &keeper->worker) != OK)
        return; /* Postgres is away; it says so itself */
    count_outbox(keeper);
    purge(keeper);
}

enum err keeper_start(const struct jobs_config *config, struct keeper **keeper_r)
{
    struct keeper *keeper = xcalloc(1, sizeof *keeper);
    *keeper =
        (struct keeper){.config = config, .worker = {.pg = pg_new(config->pg), .redis = redis_new(config->redis)}};
    const enum err err = ticker_start("keeper", tick, keeper, &keeper->ticker);
    if (err == OK)
        *keeper_r = keeper;
    else
        keeper_stop(&keeper);
    return err;
}

void keeper_stop(struct keeper **keeper_ref)
{
    struct keeper *keeper = *keeper_ref;
    if (keeper == NULL)
        return;
    ticker_stop(&keeper->ticker);
    pg_free(&keeper->worker.pg);
    redis_free(&keeper->worker.redis);
    free(keeper);
    *keeper_ref = NULL;
}
