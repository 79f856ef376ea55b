/* A lane: a bounded queue and a fixed number of threads that run its jobs in order of arrival.
 *
 * A job is intrusive: its owner embeds a struct lane_job and keeps it alive until `run` is called. After lane_push
 * succeeded the pusher must not touch the job again. `run` is called exactly once for every job that was accepted: with
 * OK on a worker, with ERR_TIMEOUT when its deadline passed before a worker took it, with ERR_SHUTDOWN when the lane
 * stopped first (never, if the lane drains in time). Each worker has a context of its own (its connections, its argon2
 * memory), made on its thread. */
#ifndef REGISTRAR_BASE_LANE_H
#define REGISTRAR_BASE_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct lane;

struct lane_job {
    struct lane_job *next; /* the lane's */
    void (*run)(struct lane_job *job, void *worker, enum err fate);
    int64_t deadline_ms; /* of clock_ms */
};

struct lane_config {
    const char *name;                               /* thread names and the log; static */
    unsigned threads;                               /* 1 or more */
    unsigned queue_limit;                           /* jobs that may wait; running ones do not count */
    size_t stack_bytes;                             /* 0: 256 KiB */
    void *(*worker_new)(void *arg, unsigned index); /* on the worker's thread; may be NULL */
    void (*worker_free)(void *worker);              /* on the worker's thread; may be NULL */
    void *arg;
};

MUST_CHECK enum err lane_start(const struct lane_config *config, struct lane **lane_r);
/* ERR_BUSY: the queue is full. ERR_SHUTDOWN: the lane is stopping. In both cases the job is still the caller's. */
MUST_CHECK enum err lane_push(struct lane *lane, struct lane_job *job);
/* Jobs waiting now: for metrics and Retry-After. */
unsigned lane_waiting(struct lane *lane);
unsigned lane_running(struct lane *lane);
/* Refuses new jobs; runs what waits until `drain_ms` have passed, then fails the rest with ERR_SHUTDOWN; joins and
 * frees. No job of this lane runs afterwards. */
void lane_stop(struct lane **lane, int64_t drain_ms);

/* A named thread with a bounded stack and all signals blocked: what lanes and every other thread of the program are
 * made with. */
MUST_CHECK enum err thread_start(const char *name, size_t stack_bytes, void *(*run)(void *), void *arg,
                                 void *pthread_r);

#endif
