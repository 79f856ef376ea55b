/* A lane: a bounded queue and a fixed number of threads that run its jobs in order of arrival.
 *
 * A job is intrusive: its owner embeds a struct lane_job and keeps it alive until `run` is called. After lane_push
 * succeeded the pusher must not touch the job again. `run` is called exactly once for every job that was accepted: with
 * OK and the worker's context on a worker, with ERR_TIMEOUT when its deadline passed before a worker took it, with
 * ERR_SHUTDOWN on the thread of lane_stop when the lane stopped first (never, if the lane drains in time). Unless the
 * fate is OK, `worker` is NULL. Each worker has a context of its own (its connections, its argon2 memory), made on its
 * thread. */
#ifndef REGISTRAR_BASE_LANE_H
#define REGISTRAR_BASE_LANE_H

#include <pthread.h>
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
    const char *name;     /* thread names and the log; static */
    unsigned threads;     /* 1 or more */
    unsigned queue_limit; /* jobs that may wait; running ones do not count */
    size_t stack_bytes;   /* 0: 256 KiB */
    /* Both on the worker's thread, both may be absent. worker_new returns NULL when it failed. */
    void *(*worker_new)(void *arg, unsigned index);
    void (*worker_free)(void *worker);
    void *arg;
};

/* Returns when every worker has its context. ERR_INVALID: no threads asked for. ERR_INTERNAL: a thread or a context
 * could not be made (logged); nothing is left behind then. */
MUST_CHECK enum err lane_start(const struct lane_config *config, struct lane **lane_r);
/* ERR_BUSY: the queue is full. ERR_SHUTDOWN: the lane is stopping. In both cases the job is still the caller's. */
MUST_CHECK enum err lane_push(struct lane *lane, struct lane_job *job);
/* Jobs waiting now: for metrics and Retry-After. */
unsigned lane_waiting(struct lane *lane);
unsigned lane_running(struct lane *lane);
/* Refuses new jobs from now on; runs what waits until `drain_ms` have passed, then fails the rest with ERR_SHUTDOWN;
 * joins. No job of this lane runs afterwards. Not to be called from a job of this lane, nor by two threads at once. */
void lane_close(struct lane *lane, int64_t drain_ms);
/* Closes it unless it is closed, frees and nulls. Nobody may push any more. */
void lane_stop(struct lane **lane, int64_t drain_ms);

/* A joinable thread with a name (cut at 15 bytes), a bounded stack (0: 256 KiB) and all signals blocked but those of
 * faults: what lanes and every other thread of the program are made with. ERR_INTERNAL: the system refused (logged). */
MUST_CHECK enum err thread_start(const char *name, size_t stack_bytes, void *(*run)(void *), void *arg,
                                 pthread_t *thread_r);

#endif
