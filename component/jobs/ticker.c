#include "component/jobs/ticker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/lane.h"

enum { TICK_S = 1 };

struct ticker {
    void (*tick)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stopping;
};

static bool wait_for_tick(struct ticker *ticker)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_S;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->woken && !ticker->stopping)
        if (pthread_cond_timedwait(&ticker->changed, &ticker->lock, &until) != 0)
            break;
    ticker->woken = false;
    const bool go_on = !ticker->stopping;
    pthread_mutex_unlock(&ticker->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct ticker *ticker = arg;
    do
        ticker->tick(ticker->arg);
    while (wait_for_tick(ticker));
    return NULL;
}

static void free_ticker(struct ticker *ticker)
{
    pthread_mutex_destroy(&ticker->lock);
    pthread_cond_destroy(&ticker->changed);
    free(ticker);
}

enum err ticker_start(const char *name, void (*tick)(void *arg), void *arg, struct ticker **ticker_r)
{
    struct ticker *ticker = xcalloc(1, sizeof *ticker);
    ticker->tick = tick;
    ticker->arg = arg;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&ticker->lock, NULL);
    pthread_cond_init(&ticker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const enum err err = thread_start(name, 0, run, ticker, &ticker->thread);
    if (err == OK)
        *ticker_r = ticker;
    else
        free_ticker(ticker);
    return err;
}

void ticker_wake(struct ticker *ticker)
{
    pthread_mutex_lock(&ticker->lock);
    ticker->woken = true;
    pthread_cond_signal(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
}

void ticker_stop(struct ticker **ticker_ref)
{
    struct ticker *ticker = *ticker_ref;
    if (ticker == NULL)
        return;
    pthread_mutex_lock(&ticker->lock);
    ticker->stopping = true;
    pthread_cond_signal(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    free_ticker(ticker);
    *ticker_ref = NULL;
}
