/* The dispatcher (outbox.h): one thread with a session of its own. Requests only ever commit wishes; whether one is
 * new, was left by a crash, or failed an hour ago, it takes the same way from here. What came back meanwhile is
 * recorded together (recording.h).
 *
 * Its session is relaxed (sql/pg.h): that rows were taken, or pairs were done, is not waited for to reach the disk.
 * Should Postgres forget it with a crash, the pairs come up again, and whoever worked on them is late; all that costs
 * is doing them twice. What accounts become is recorded in transactions, which are waited for. */
#include "component/jobs/outbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/jobs/errand.h"
#include "component/jobs/errand_kind.h"
#include "component/jobs/recording.h"
#include "component/service/services.h"
#include "sql/pg.h"
#include "sql/taking.h"

enum { LOOK_MS = 1000, PAUSE_MS = 100, PART = 4 };

struct outbox {
    const struct jobs_config *config;
    struct lane *lane;
    struct pg *pg;      /* the thread's, as what follows; relaxed */
    int64_t lost_lease; /* see struct outbox_claim */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stopping;
    bool idle;              /* the thread waits, and all is recorded */
    int64_t doubtful_lease; /* of a taking whose commit nobody knows the outcome of; 0: none */
    unsigned running;       /* or about to */
    unsigned comparing;     /* of them */
    unsigned contested;     /* likewise */
    struct errand *ran;     /* back from the lane */
};

static void ran(struct errand *errand, void *arg)
{
    struct outbox *outbox = arg;
    pthread_mutex_lock(&outbox->lock);
    errand->next = outbox->ran;
    outbox->ran = errand;
    outbox->running--;
    outbox->comparing -= errand->item.kind == OUTBOX_COMPARE;
    outbox->contested -= errand->item.contested;
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

static void run_job(struct lane_job *job, void *worker, enum err fate)
{
    (void)worker;
    struct errand *errand = (struct errand *)job; /* job is the first member */
    if (fate == OK)
        errand_run(errand);
    else
        errand->result = fate;
    errand->ran(errand, errand->ran_arg);
}

/* Accounts before pairs, each by their ids: the order in which requests lock rows, so that neither deadlocks. */
static bool comes_before(const struct outbox_item *a, const struct outbox_item *b)
{
    const bool a_pair = a->kind == OUTBOX_PAIR, b_pair = b->kind == OUTBOX_PAIR;
    if (a_pair != b_pair)
        return b_pair;
    return a->low != b->low ? a->low < b->low : a->high < b->high;
}

static void sort_in(struct errand **list, struct errand *errand)
{
    while (*list != NULL && comes_before(&(*list)->item, &errand->item))
        list = &(*list)->next;
    errand->next = *list;
    *list = errand;
}

static void free_all(struct errand *list)
{
    while (list != NULL) {
        struct errand *next = list->next;
        errand_free(list);
        list = next;
    }
}

/* --- taking */

/* In the arena, which is its from now on. */
static struct errand *errand_new(struct outbox *outbox, struct arena *arena, const struct outbox_item *item)
{
    struct errand *errand = arena_alloc(arena, sizeof *errand);
    *errand = (struct errand){.job = {.run = run_job, .deadline_ms = clock_ms() + outbox->config->lease_ms / 2},
                              .config = outbox->config,
                              .ran = ran,
                              .ran_arg = outbox,
                              .arena = arena,
                              .item = *item};
    return errand;
}

static void start(struct outbox *outbox, struct errand *errand)
{
    enum err err = errand->result;
    if (err == OK)
        err = lane_push(outbox->lane, &errand->job);
    if (err == OK)
        return; /* it is the lane's, where it may have run already: it must not be touched */
    errand->result = err;
    ran(errand, outbox);
}

static void start_all(struct outbox *outbox, const struct outbox_item *items, size_t count)
{
    struct errand *list = NULL;
    for (size_t i = count; i > 0; i--) {
        struct errand *errand = errand_new(outbox, arena_new(), &items[i - 1]);
        errand->next = list;
        list = errand;
    }
    pthread_mutex_lock(&outbox->lock);
    outbox->running += (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        outbox->comparing += items[i].kind == OUTBOX_COMPARE;
        outbox->contested += items[i].contested;
    }
    pthread_mutex_unlock(&outbox->lock);
    errands_load(outbox->pg, list);
    while (list != NULL) {
        struct errand *next = list->next;
        start(outbox, list);
        list = next;
    }
}

/* Some get a part of the workers only: comparing waits for nobody and nobody waits for it; and a client that writes
 * against us, in the rosters of as many accounts as it has, keeps no more from others than that. */
static void find_parts(struct outbox *outbox, struct outbox_claim *claim)
{
    const unsigned part = (outbox->config->workers + PART - 1) / PART;
    pthread_mutex_lock(&outbox->lock);
    claim->compares_most = outbox->comparing < part ? part - outbox->comparing : 0;
    claim->contested_most = outbox->contested < part ? part - outbox->contested : 0;
    pthread_mutex_unlock(&outbox->lock);
}

/* Takes what is due as far as there are free workers; how many goes to taken_r. */
static enum err take(struct outbox *outbox, unsigned free_workers, size_t *taken_r)
{
    const struct services *services = outbox->config->services;
    struct outbox_claim claim = {
        .owner = services->settings.owner,
        .lease_ms = outbox->config->lease_ms,
        .register_wait_ms = services->settings.register_wait_ms,
        .creates_only = !services->xmpp_ready(services->xmpp_arg),
        .most = free_workers,
        .lost = &outbox->lost_lease,
    };
    find_parts(outbox, &claim);
    struct arena *arena = arena_new();
    struct outbox_item *items = NULL;
    size_t count = 0;
    const enum err err = outbox_take(outbox->pg, arena, &claim, &items, &count);
    if (err == OK)
        start_all(outbox, items, count);
    *taken_r = count;
    arena_free(&arena);
    return err;
}

/* --- the thread */

static void wait_for_work(struct outbox *outbox, int64_t most_ms, bool idle)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (most_ms + until.tv_nsec / 1000000) / 1000;
    until.tv_nsec = (most_ms % 1000 * 1000000 + until.tv_nsec) % 1000000000;
    pthread_mutex_lock(&outbox->lock);
    outbox->idle = idle;
    while (!outbox->woken && outbox->ran == NULL && (!outbox->stopping || outbox->running > 0))
        if (pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until) != 0)
            break;
    outbox->idle = false;
    pthread_mutex_unlock(&outbox->lock);
}

/* What came back, with what could not be recorded before. */
static struct errand *collect(struct outbox *outbox, struct errand *unrecorded, unsigned *free_workers_r,
                              bool *stopping_r)
{
    pthread_mutex_lock(&outbox->lock);
    struct errand *back = outbox->ran;
    outbox->ran = NULL;
    outbox->woken = false;
    if (outbox->lost_lease == 0) {
        outbox->lost_lease = outbox->doubtful_lease;
        outbox->doubtful_lease = 0;
    }
    *free_workers_r = outbox->config->workers - outbox->running;
    *stopping_r = outbox->stopping;
    pthread_mutex_unlock(&outbox->lock);
    while (back != NULL) {
        struct errand *next = back->next;
        sort_in(&unrecorded, back);
        back = next;
    }
    return unrecorded;
}

static void *dispatch(void *arg)
{
    struct outbox *outbox = arg;
    struct errand *unrecorded = NULL;
    for (;;) {
        unsigned free_workers;
        bool stopping;
        size_t taken = 0;
        unrecorded = errands_conclude(outbox->pg, collect(outbox, unrecorded, &free_workers, &stopping));
        if (stopping && (unrecorded != NULL || free_workers == outbox->config->workers))
            break;
        /* While results cannot be recorded nothing more is taken: that bounds what a dead Postgres leaves in memory. */
        enum err err = OK;
        if (!stopping && unrecorded == NULL && free_workers > 0)
            err = take(outbox, free_workers, &taken);
        if (err != OK || unrecorded != NULL)
            wait_for_work(outbox, PAUSE_MS, false);
        else if (taken < free_workers || free_workers == 0)
            wait_for_work(outbox, LOOK_MS, true);
    }
    free_all(unrecorded); /* Postgres is away: their leases run out */
    return NULL;
}

enum err outbox_start(const struct jobs_config *config, struct outbox **outbox_r)
{
    struct outbox *outbox = xcalloc(1, sizeof *outbox);
    outbox->config = config;
    outbox->pg = pg_new_relaxed(config->pg);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_cond_init(&outbox->changed, &monotonic);
    const struct lane_config lane = {.name = "xmpp", .threads = config->workers, .queue_limit = config->workers};
    enum err err = lane_start(&lane, &outbox->lane);
    if (err == OK)
        err = thread_start("outbox", 0, dispatch, outbox, &outbox->thread);
    if (err != OK) {
        if (outbox->lane != NULL)
            lane_stop(&outbox->lane, 0);
        pg_free(&outbox->pg);
        free(outbox);
        return err;
    }
    *outbox_r = outbox;
    return OK;
}

void outbox_wake(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->woken = true;
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

/* --- wishes that are taken as they are made */

/* While others are under way they are left to the thread: then what counts is that many are taken, and so recorded,
 * together. Half of the workers are always left to it, because who makes the wishes may have to wait for a lock. */
struct taking *outbox_begin_pairs(struct outbox *outbox, size_t most)
{
    const struct services *services = outbox->config->services;
    if (most == 0 || most > outbox->config->workers / 2 || !services->xmpp_ready(services->xmpp_arg))
        return NULL;
    pthread_mutex_lock(&outbox->lock);
    const bool alone = outbox->idle && !outbox->woken && !outbox->stopping && outbox->ran == NULL &&
                       outbox->running == 0 && outbox->doubtful_lease == 0;
    if (alone)
        outbox->running = (unsigned)most;
    pthread_mutex_unlock(&outbox->lock);
    return alone ? taking_new(services->settings.owner, outbox->config->lease_ms, most) : NULL;
}

/* Of those that were about to run so many do. What may have been committed without anybody knowing is given back as
 * soon as Postgres can be asked to. */
static void settle_running(struct outbox *outbox, const struct taking *taking, size_t count, enum err outcome)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->running -= (unsigned)(taking->most - count);
    if (outcome == ERR_UNCERTAIN) {
        outbox->doubtful_lease = taking->lease;
        outbox->woken = true;
    }
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

void outbox_end_pairs(struct outbox *outbox, struct taking *taking, enum err outcome)
{
    const size_t count = outcome == OK ? taking->count : 0;
    if (count < taking->most)
        settle_running(outbox, taking, count, outcome);
    for (size_t i = 0; i < count; i++) {
        struct taken *taken = &taking->taken[i];
        struct errand *errand = errand_new(outbox, taken->arena, &taken->item);
        errand_set_pair(errand, &taken->pair);
        taken->arena = NULL;
        start(outbox, errand);
    }
    taking_free(&taking);
}

void outbox_stop(struct outbox **outbox_ref, int64_t drain_ms)
{
    struct outbox *outbox = *outbox_ref;
    if (outbox == NULL)
        return;
    pthread_mutex_lock(&outbox->lock);
    outbox->stopping = true; /* nothing more is taken */
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
    pthread_join(outbox->thread, NULL); /* it was taking, perhaps; now nobody uses the lane, and all are recorded, */
    lane_stop(&outbox->lane, drain_ms); /* unless Postgres went away: then there are some who still run, */
    free_all(outbox->ran);              /* and those that came last are here */
    pg_free(&outbox->pg);
    pthread_mutex_destroy(&outbox->lock);
    pthread_cond_destroy(&outbox->changed);
    free(outbox);
    *outbox_ref = NULL;
}
