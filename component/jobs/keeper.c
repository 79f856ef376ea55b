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
#include "component/service/restored.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/asks.h"
#include "sql/drift.h"
#include "sql/instances.h"
#include "sql/pg.h"
#include "sql/sessions.h"
#include "sql/wrong_passwords.h"

enum { PURGE_MS = 600000, PURGE_ROWS = 10000, RESTORED_MS = 5000 };
/* So long we must have given signs of life ourselves before others' silence means anything: when Postgres was away,
 * nobody could. */
enum { STEADY_MS = 2 * INSTANCE_SILENT_MS };

struct keeper {
    const struct jobs_config *config;
    struct worker worker; /* the thread's, as what follows */
    int64_t purge_at_ms, restored_at_ms;
    int64_t beating_since_ms; /* without a break; 0: the latest sign of life did not reach Postgres */
    int64_t holder_us;        /* the other process's latest sign of life when it had our name; 0: it is ours */
    struct ticker *ticker;
};

static void count_outbox(struct keeper *keeper)
{
    struct outbox_counts counts;
    if (outbox_count(keeper->worker.pg, keeper->config->stuck_after, &counts) != OK)
        return;
    for (enum outbox_kind kind = OUTBOX_CREATE_JID; kind <= OUTBOX_ASK; kind++)
        metric_set(M_OUTBOX_DUE, errand_kind_name(kind), counts.waiting[kind]);
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

/* A name that is in use twice is an operator's mistake. Whoever comes second goes on, because what is in the
 * outbox is held by leases and by processes, not by names; but it is not ready (readiness.c). One that has the name and
 * gives no sign of life is our own former run, which was killed. */
static void note_name(struct keeper *keeper, int64_t holder_us)
{
    struct services *services = keeper->config->services;
    const bool was_taken = services->name_taken;
    const bool taken = holder_us != 0 && (was_taken || (keeper->holder_us != 0 && holder_us != keeper->holder_us));
    if (taken && !was_taken)
        log_error("instance_name_taken", F("instance", keeper->config->instance.name),
                  F("hint", "each process needs a server.instance of its own"));
    else if (!taken && was_taken)
        log_info("instance_name_free", F("instance", keeper->config->instance.name));
    keeper->holder_us = holder_us;
    services->name_taken = taken;
}

static bool beat(struct keeper *keeper)
{
    int64_t holder_us = 0;
    if (instances_beat(keeper->worker.pg, &keeper->config->instance, &holder_us) != OK) {
        keeper->beating_since_ms = 0;
        return false;
    }
    note_name(keeper, holder_us);
    if (keeper->beating_since_ms == 0)
        keeper->beating_since_ms = clock_ms();
    return true;
}

static void mourn(struct keeper *keeper)
{
    if (clock_ms() - keeper->beating_since_ms < STEADY_MS)
        return;
    struct arena *arena = arena_new();
    struct instance_seen *dead = NULL;
    size_t count = 0;
    if (instances_mourn(keeper->worker.pg, arena, keeper->config->instance.name, &dead, &count) == OK)
        for (size_t i = 0; i < count; i++)
            log_warn("instance_lost", F("instance", dead[i].name), F("silent_ms", dead[i].silent_ms));
    arena_free(&arena);
}

static void look_back(struct keeper *keeper)
{
    if (clock_ms() < keeper->restored_at_ms)
        return;
    keeper->restored_at_ms = clock_ms() + RESTORED_MS;
    if (restored_check(keeper->worker.pg, keeper->worker.redis) != OK)
        keeper->restored_at_ms = 0; /* Postgres or Redis is away; they say so themselves */
}

static void tick(void *arg)
{
    struct keeper *keeper = arg;
    if (tokens_follow_epoch(keeper->config->services, &keeper->worker) != OK)
        return; /* Postgres is away; it says so itself */
    if (!beat(keeper))
        return;
    mourn(keeper);
    look_back(keeper);
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
    if (instances_leave(keeper->worker.pg, &keeper->config->instance) != OK)
        log_warn("instance_not_left"); /* the others will take us for dead */
    pg_free(&keeper->worker.pg);
    redis_free(&keeper->worker.redis);
    free(keeper);
    *keeper_ref = NULL;
}
