/* Lanes: one mutex, one queue, workers that wait on a condition variable.
 *
 * A lane's jobs take from tens of microseconds (a query) to tens of milliseconds (argon2), so that a lock held for a
 * few instructions a job does not count. An expired job is noticed when a worker takes it, not before: workers' jobs
 * have deadlines of their own, so none waits for long behind them. Job functions run without the lock.
 *
 * Invariant: `waiting` is the queue's length and at most config.queue_limit. */
#include "component/base/lane.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"

struct worker {
    struct lane *lane;
    unsigned index;
    pthread_t thread;
};

struct lane {
    struct lane_config config;
    pthread_mutex_t mutex;
    pthread_cond_t work;    /* a job came, or the lane stops */
    pthread_cond_t changed; /* a worker has its context or failed to; the queue of a stopping lane is empty */
    /* all below: under the mutex */
    struct lane_job *first;
    struct lane_job **last; /* where the next job goes */
    unsigned waiting;
    unsigned running;
    unsigned ready;  /* workers that have tried to make their context */
    unsigned failed; /* those that could not */
    bool stopping;
    unsigned started; /* workers whose thread runs; lane_start's and lane_close's alone */
    struct worker workers[];
};

static void count_waiting(struct lane *lane, unsigned waiting)
{
    lane->waiting = waiting;
    metric_set(M_LANE_WAITING, lane->config.name, waiting);
}

/* Under the mutex; the queue is not empty. */
static struct lane_job *dequeue(struct lane *lane)
{
    struct lane_job *job = lane->first;
    lane->first = job->next;
    if (!lane->first)
        lane->last = &lane->first;
    job->next = NULL;
    count_waiting(lane, lane->waiting - 1);
    if (lane->stopping && !lane->first)
        pthread_cond_signal(&lane->changed);
    return job;
}

/* Waits for a job; NULL when the lane stops and nothing waits any more. */
static struct lane_job *take(struct lane *lane)
{
    struct lane_job *job = NULL;
    pthread_mutex_lock(&lane->mutex);
    while (!lane->first && !lane->stopping)
        pthread_cond_wait(&lane->work, &lane->mutex);
    if (lane->first) {
        job = dequeue(lane);
        lane->running++;
    }
    pthread_mutex_unlock(&lane->mutex);
    return job;
}

static void run(struct lane *lane, struct lane_job *job, void *context)
{
    if (clock_ms() < job->deadline_ms) {
        job->run(job, context, OK);
    } else {
        metric_add(M_LANE_EXPIRED, lane->config.name, 1);
        job->run(job, NULL, ERR_TIMEOUT);
    }
    /* The job may be gone by now. */
    pthread_mutex_lock(&lane->mutex);
    lane->running--;
    pthread_mutex_unlock(&lane->mutex);
}

static void report_ready(struct lane *lane, bool failed)
{
    pthread_mutex_lock(&lane->mutex);
    lane->ready++;
    lane->failed += failed;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->mutex);
}

static void *worker_main(void *arg)
{
    const struct worker *self = arg;
    struct lane *lane = self->lane;
    const struct lane_config *config = &lane->config;
    void *context = config->worker_new ? config->worker_new(config->arg, self->index) : NULL;
    report_ready(lane, config->worker_new && !context);

    struct lane_job *job;
    while ((job = take(lane)))
        run(lane, job, context);

    if (context && config->worker_free)
        config->worker_free(context);
    return NULL;
}

static struct lane *lane_new(const struct lane_config *config)
{
    struct lane *lane = xcalloc(1, sizeof *lane + config->threads * sizeof *lane->workers);
    lane->config = *config;
    lane->last = &lane->first;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->work, &monotonic);
    pthread_cond_init(&lane->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    count_waiting(lane, 0);
    return lane;
}

/* Nothing runs any more. */
static void lane_free(struct lane *lane)
{
    pthread_cond_destroy(&lane->changed);
    pthread_cond_destroy(&lane->work);
    pthread_mutex_destroy(&lane->mutex);
    free(lane);
}

static enum err start_workers(struct lane *lane)
{
    for (; lane->started < lane->config.threads; lane->started++) {
        struct worker *worker = lane->workers + lane->started;
        worker->lane = lane;
        worker->index = lane->started;
        enum err err = thread_start(lane->config.name, lane->config.stack_bytes, worker_main, worker, &worker->thread);
        if (err != OK)
            return err;
    }
    return OK;
}

/* Until each has made its context or failed to; the time this takes is worker_new's to bound. */
static enum err wait_until_ready(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    while (lane->ready < lane->started)
        pthread_cond_wait(&lane->changed, &lane->mutex);
    unsigned failed = lane->failed;
    pthread_mutex_unlock(&lane->mutex);
    if (failed == 0)
        return OK;
    log_error("lane_not_started", F("lane", lane->config.name), F("workers_failed", failed));
    return ERR_INTERNAL;
}

enum err lane_start(const struct lane_config *config, struct lane **lane_r)
{
    if (config->threads == 0)
        return ERR_INVALID;
    struct lane *lane = lane_new(config);
    enum err err = start_workers(lane);
    if (err == OK)
        err = wait_until_ready(lane);
    if (err != OK) {
        lane_stop(&lane, 0);
        return err;
    }
    *lane_r = lane;
    return OK;
}

enum err lane_push(struct lane *lane, struct lane_job *job)
{
    enum err err = OK;
    pthread_mutex_lock(&lane->mutex);
    if (lane->stopping) {
        err = ERR_SHUTDOWN;
    } else if (lane->waiting >= lane->config.queue_limit) {
        err = ERR_BUSY;
        metric_add(M_LANE_REFUSED, lane->config.name, 1);
    } else {
        job->next = NULL;
        *lane->last = job;
        lane->last = &job->next;
        count_waiting(lane, lane->waiting + 1);
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&lane->mutex);
    return err;
}

unsigned lane_waiting(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    unsigned waiting = lane->waiting;
    pthread_mutex_unlock(&lane->mutex);
    return waiting;
}

unsigned lane_running(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    unsigned running = lane->running;
    pthread_mutex_unlock(&lane->mutex);
    return running;
}

/* Lets the workers empty the queue until then; returns what they did not take. */
static struct lane_job *drain(struct lane *lane, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&lane->mutex);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->work);
    while (lane->first && pthread_cond_timedwait(&lane->changed, &lane->mutex, &until) != ETIMEDOUT)
        ;
    struct lane_job *rest = lane->first;
    lane->first = NULL;
    lane->last = &lane->first;
    count_waiting(lane, 0);
    pthread_mutex_unlock(&lane->mutex);
    return rest;
}

void lane_close(struct lane *lane, int64_t drain_ms)
{
    struct lane_job *rest = drain(lane, clock_ms() + drain_ms);
    /* The queue is empty and stays so: workers end after the job they are in. */
    while (rest) {
        struct lane_job *job = rest;
        rest = job->next;
        job->run(job, NULL, ERR_SHUTDOWN);
    }
    while (lane->started > 0)
        pthread_join(lane->workers[--lane->started].thread, NULL);
}

void lane_stop(struct lane **lane_of, int64_t drain_ms)
{
    if (!*lane_of)
        return;
    lane_close(*lane_of, drain_ms);
    lane_free(*lane_of);
    *lane_of = NULL;
}
