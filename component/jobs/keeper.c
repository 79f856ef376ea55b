/* The keeper (keeper.h): one thread that ticks each second, with a session of each kind. */
#include "component/jobs/keeper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/cache/redis.h"
#include "component/jobs/errand.h"
#include "component/jobs/outbox.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/meta.h"
#include "sql/pg.h"
#include "sql/sessions.h"
#include "sql/wrong_passwords.h"

enum { TICK_MS = 1000, PURGE_MS = 600000, PURGE_ROWS = 10000, PROVE_BASE_MS = 1000, PROVE_CAP_MS = 30000 };

struct keeper {
    const struct jobs_config *config;
    struct outbox *outbox;
    struct worker worker; /* the thread's sessions */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stopping;
    unsigned prove_failures;
    int64_t prove_at_ms, purge_at_ms;
};

/* --- proving the link */

/* The proof of an earlier run is kept in Postgres: the self-test is for new servers, not for each reconnect. */
static enum err prove(struct keeper *keeper, struct arena *arena)
{
    char proof[XMPP_PROOF_SIZE];
    const char *old = NULL;
    const char *key = arena_printf(arena, "xmpp_proof:%s", keeper->config->component);
    enum err err = meta_get(keeper->worker.pg, arena, key, &old);
    if (err == OK)
        err = xmpp_prove(keeper->config->xmpp, old != NULL ? old : "", proof);
    if (err == OK && (old == NULL || strcmp(old, proof) != 0))
        err = meta_set(keeper->worker.pg, key, proof);
    return err;
}

static void prove_link(struct keeper *keeper)
{
    struct xmpp_status status;
    xmpp_status(keeper->config->xmpp, &status);
    if (!status.up || status.ready || clock_ms() < keeper->prove_at_ms)
        return;
    struct arena *arena = arena_new();
    const enum err err = prove(keeper, arena);
    arena_free(&arena);
    if (err == OK) {
        keeper->prove_failures = 0;
        if (outbox_hurry(keeper->worker.pg) != OK)
            log_warn("outbox_not_hurried");
        outbox_wake(keeper->outbox);
        return;
    }
    keeper->prove_at_ms = clock_ms() + backoff_ms(keeper->prove_failures++, PROVE_BASE_MS, PROVE_CAP_MS);
    log_warn("xmpp_server_not_proved", F_ERR(err));
}

/* --- each second */

static void count_outbox(struct keeper *keeper)
{
    struct outbox_counts counts;
    if (outbox_count(keeper->worker.pg, keeper->config->stuck_after, &counts) != OK)
        return;
    for (enum outbox_kind kind = OUTBOX_CREATE_JID; kind <= OUTBOX_CHECK_JID; kind++)
        metric_set(M_OUTBOX_DUE, errand_kind_name(kind), counts.waiting[kind]);
    metric_set(M_OUTBOX_STUCK, "", counts.stuck);
    metric_set(M_OUTBOX_OLDEST, "", counts.oldest_ms / 1000);
}

static void purge(struct keeper *keeper)
{
    int64_t count = 0;
    if (clock_ms() < keeper->purge_at_ms || sessions_purge(keeper->worker.pg, PURGE_ROWS, &count) != OK)
        return;
    int64_t forgotten = 0;
    if (wrong_passwords_purge(keeper->worker.pg, PURGE_ROWS, &forgotten) != OK)
        return;
    if (count > 0)
        log_info("sessions_purged", F("count", count));
    keeper->purge_at_ms = clock_ms() + (count < PURGE_ROWS && forgotten < PURGE_ROWS ? PURGE_MS : 0);
}

static void tick(struct keeper *keeper)
{
    prove_link(keeper);
    if (tokens_follow_epoch(keeper->config->services, &keeper->worker) != OK)
        return; /* Postgres is away; it says so itself */
    count_outbox(keeper);
    purge(keeper);
}

/* --- the thread */

static bool wait_for_tick(struct keeper *keeper)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->woken && !keeper->stopping)
        if (pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until) != 0)
            break;
    keeper->woken = false;
    const bool go_on = !keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return go_on;
}

static void *keep(void *arg)
{
    struct keeper *keeper = arg;
    do
        tick(keeper);
    while (wait_for_tick(keeper));
    return NULL;
}

enum err keeper_start(const struct jobs_config *config, struct outbox *outbox, struct keeper **keeper_r)
{
    struct keeper *keeper = xcalloc(1, sizeof *keeper);
    keeper->config = config;
    keeper->outbox = outbox;
    keeper->worker = (struct worker){.pg = pg_new(config->pg), .redis = redis_new(config->redis)};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->changed, &monotonic);
    const enum err err = thread_start("keeper", 0, keep, keeper, &keeper->thread);
    if (err != OK) {
        pg_free(&keeper->worker.pg);
        redis_free(&keeper->worker.redis);
        free(keeper);
        return err;
    }
    *keeper_r = keeper;
    return OK;
}

void keeper_wake(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->woken = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
}

void keeper_stop(struct keeper **keeper_ref)
{
    struct keeper *keeper = *keeper_ref;
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pg_free(&keeper->worker.pg);
    redis_free(&keeper->worker.redis);
    pthread_mutex_destroy(&keeper->lock);
    pthread_cond_destroy(&keeper->changed);
    free(keeper);
    *keeper_ref = NULL;
}
