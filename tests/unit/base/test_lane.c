/* Lanes on real threads: order, bounds, deadlines, stopping, and that every accepted job runs exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"

enum { LONG_MS = 60000 };

/* A job that notes its fate, and waits at a gate when it has one. */
struct noted {
    struct lane_job job;
    sem_t *started;
    sem_t *gate;
    _Atomic int runs;
    enum err fate;
    void *worker;
    int order;
    pthread_t thread;
};

static _Atomic int next_order;

static void note(struct lane_job *job, void *worker, enum err fate)
{
    struct noted *noted = (struct noted *)job; /* its first member */
    noted->fate = fate;
    noted->worker = worker;
    noted->thread = pthread_self();
    noted->order = atomic_fetch_add(&next_order, 1);
    if (noted->started)
        sem_post(noted->started);
    if (noted->gate)
        sem_wait(noted->gate);
    atomic_fetch_add(&noted->runs, 1);
}

static struct noted noted_job(int64_t in_ms)
{
    return (struct noted){.job = {.run = note, .deadline_ms = clock_ms() + in_ms}, .fate = ERR_COUNT};
}

static struct lane *start(const char *name, unsigned threads, unsigned queue_limit)
{
    struct lane *lane = NULL;
    const struct lane_config config = {.name = name, .threads = threads, .queue_limit = queue_limit};
    assert_int_equal(lane_start(&config, &lane), OK);
    return lane;
}

/* A lane of one worker that is held by the given job until its gate is opened. */
static struct lane *start_held(const char *name, unsigned queue_limit, struct noted *holder, sem_t *gate)
{
    struct lane *lane = start(name, 1, queue_limit);
    sem_t started;
    sem_init(&started, 0, 0);
    sem_init(gate, 0, 0);
    *holder = noted_job(LONG_MS);
    holder->started = &started;
    holder->gate = gate;
    assert_int_equal(lane_push(lane, &holder->job), OK);
    sem_wait(&started);
    sem_destroy(&started);
    return lane;
}

static void one_worker_keeps_the_order(void **state)
{
    (void)state;
    struct noted jobs[50], holder;
    sem_t gate;
    struct lane *lane = start_held("order", 50, &holder, &gate);
    for (int i = 0; i < 50; i++) {
        jobs[i] = noted_job(LONG_MS);
        assert_int_equal(lane_push(lane, &jobs[i].job), OK);
    }
    assert_int_equal(lane_waiting(lane), 50);
    assert_int_equal(lane_running(lane), 1);
    assert_int_equal(metric_get(M_LANE_WAITING, "order"), 50);
    sem_post(&gate);
    lane_stop(&lane, LONG_MS);
    assert_null(lane);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].fate, OK);
        assert_int_equal(jobs[i].order, holder.order + 1 + i);
    }
    assert_int_equal(metric_get(M_LANE_WAITING, "order"), 0);
    sem_destroy(&gate);
}

static void a_full_lane_refuses(void **state)
{
    (void)state;
    struct noted holder, jobs[3] = {noted_job(LONG_MS), noted_job(LONG_MS), noted_job(LONG_MS)};
    sem_t gate;
    struct lane *lane = start_held("full", 2, &holder, &gate);
    assert_int_equal(lane_push(lane, &jobs[0].job), OK);
    assert_int_equal(lane_push(lane, &jobs[1].job), OK);
    assert_int_equal(lane_push(lane, &jobs[2].job), ERR_BUSY);
    assert_int_equal(metric_get(M_LANE_REFUSED, "full"), 1);
    sem_post(&gate);
    lane_stop(&lane, LONG_MS);
    assert_int_equal(jobs[1].runs, 1);
    assert_int_equal(jobs[2].runs, 0);
    sem_destroy(&gate);
}

static void late_jobs_expire(void **state)
{
    (void)state;
    struct noted holder, late = noted_job(0), in_time = noted_job(LONG_MS);
    sem_t gate;
    struct lane *lane = start_held("late", 5, &holder, &gate);
    assert_int_equal(lane_push(lane, &late.job), OK);
    assert_int_equal(lane_push(lane, &in_time.job), OK);
    sem_post(&gate);
    lane_stop(&lane, LONG_MS);
    assert_int_equal(late.fate, ERR_TIMEOUT);
    assert_int_equal(late.runs, 1);
    assert_null(late.worker);
    assert_int_equal(in_time.fate, OK);
    assert_int_equal(metric_get(M_LANE_EXPIRED, "late"), 1);
    sem_destroy(&gate);
}

static void *open_later(void *arg)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    nanosleep(&pause, NULL);
    sem_post(arg);
    return NULL;
}

static void stopping_fails_what_it_cannot_run(void **state)
{
    (void)state;
    struct noted holder, waiting[2] = {noted_job(LONG_MS), noted_job(LONG_MS)};
    sem_t gate;
    struct lane *lane = start_held("stop", 5, &holder, &gate);
    assert_int_equal(lane_push(lane, &waiting[0].job), OK);
    assert_int_equal(lane_push(lane, &waiting[1].job), OK);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_later, &gate), 0);
    int64_t before = clock_ms();
    lane_stop(&lane, 20); /* the worker is held for longer */
    assert_in_range(clock_ms() - before, 90, LONG_MS);
    pthread_join(opener, NULL);
    assert_int_equal(holder.fate, OK);
    assert_int_equal(holder.runs, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waiting[i].fate, ERR_SHUTDOWN);
        assert_int_equal(waiting[i].runs, 1);
        assert_null(waiting[i].worker);
        assert_true(pthread_equal(waiting[i].thread, pthread_self()));
        assert_true(waiting[i].order > holder.order);
    }
    assert_true(waiting[0].order < waiting[1].order);
    assert_int_equal(metric_get(M_LANE_WAITING, "stop"), 0);
    sem_destroy(&gate);
    lane_stop(&lane, 0); /* nulled: nothing to do */
}

static void a_closed_lane_refuses_until_it_is_freed(void **state)
{
    (void)state;
    struct noted last = noted_job(LONG_MS), late = noted_job(LONG_MS);
    struct lane *lane = start("shut", 2, 5);
    assert_int_equal(lane_push(lane, &last.job), OK);
    lane_close(lane, LONG_MS);
    assert_int_equal(last.fate, OK);
    assert_int_equal(last.runs, 1);
    assert_int_equal(lane_push(lane, &late.job), ERR_SHUTDOWN);
    assert_int_equal(lane_waiting(lane), 0);
    lane_close(lane, LONG_MS); /* nothing to do */
    lane_stop(&lane, 0);
    assert_null(lane);
    assert_int_equal(late.runs, 0);
}

struct pushing {
    struct lane_job job;
    struct lane *lane;
    struct noted *next;
    sem_t *started;
    sem_t *gate;
    enum err pushed;
};

static void push_when_released(struct lane_job *job, void *worker, enum err fate)
{
    (void)worker;
    (void)fate;
    struct pushing *pushing = (struct pushing *)job;
    sem_post(pushing->started);
    sem_wait(pushing->gate);
    pushing->pushed = lane_push(pushing->lane, &pushing->next->job);
}

static void a_stopping_lane_takes_nothing(void **state)
{
    (void)state;
    sem_t started, gate;
    sem_init(&started, 0, 0);
    sem_init(&gate, 0, 0);
    struct lane *lane = start("closed", 1, 5);
    struct noted next = noted_job(LONG_MS);
    struct pushing pushing = {.job = {.run = push_when_released, .deadline_ms = clock_ms() + LONG_MS},
                              .lane = lane,
                              .next = &next,
                              .started = &started,
                              .gate = &gate,
                              .pushed = OK};
    assert_int_equal(lane_push(lane, &pushing.job), OK);
    sem_wait(&started);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_later, &gate), 0);
    lane_stop(&lane, LONG_MS);
    pthread_join(opener, NULL);
    assert_int_equal(pushing.pushed, ERR_SHUTDOWN);
    assert_int_equal(next.runs, 0);
    sem_destroy(&gate);
    sem_destroy(&started);
}

/* Worker contexts: made and freed on the worker's own thread, one each. */
struct context {
    unsigned index;
    pthread_t thread;
};

static struct {
    _Atomic int made, freed, freed_elsewhere;
    unsigned failing_index;
} contexts;

static void *context_new(void *arg, unsigned index)
{
    if (index == *(const unsigned *)arg)
        return NULL;
    struct context *context = malloc(sizeof *context);
    if (!context)
        abort();
    *context = (struct context){.index = index, .thread = pthread_self()};
    atomic_fetch_add(&contexts.made, 1);
    return context;
}

static void context_free(void *worker)
{
    struct context *context = worker;
    atomic_fetch_add(&contexts.freed, 1);
    if (!pthread_equal(context->thread, pthread_self()))
        atomic_fetch_add(&contexts.freed_elsewhere, 1);
    free(context);
}

static enum err start_with_contexts(unsigned failing_index, struct lane **lane_r)
{
    contexts.failing_index = failing_index;
    atomic_store(&contexts.made, 0);
    atomic_store(&contexts.freed, 0);
    atomic_store(&contexts.freed_elsewhere, 0);
    const struct lane_config config = {.name = "contexts",
                                       .threads = 3,
                                       .queue_limit = 10,
                                       .worker_new = context_new,
                                       .worker_free = context_free,
                                       .arg = &contexts.failing_index};
    return lane_start(&config, lane_r);
}

struct checked {
    struct lane_job job;
    _Atomic int *good;
};

static void check_context(struct lane_job *job, void *worker, enum err fate)
{
    const struct context *context = worker;
    const struct checked *checked = (const struct checked *)job;
    if (fate == OK && context->index < 3 && pthread_equal(context->thread, pthread_self()))
        atomic_fetch_add(checked->good, 1);
}

static void every_worker_has_its_context(void **state)
{
    (void)state;
    struct lane *lane;
    assert_int_equal(start_with_contexts(99, &lane), OK);
    assert_int_equal(contexts.made, 3); /* lane_start waited for them */
    struct checked jobs[10];
    _Atomic int good = 0;
    for (int i = 0; i < 10; i++) {
        jobs[i] = (struct checked){{.run = check_context, .deadline_ms = clock_ms() + LONG_MS}, &good};
        assert_int_equal(lane_push(lane, &jobs[i].job), OK);
    }
    struct noted late = noted_job(0);
    late.worker = &late;
    while (lane_push(lane, &late.job) != OK) /* the workers take what fills the queue */
        sched_yield();
    lane_stop(&lane, LONG_MS);
    assert_int_equal(late.fate, ERR_TIMEOUT);
    assert_null(late.worker); /* though the worker has one */
    assert_int_equal(good, 10);
    assert_int_equal(contexts.freed, 3);
    assert_int_equal(contexts.freed_elsewhere, 0);
}

static void a_failing_context_fails_the_start(void **state)
{
    (void)state;
    for (unsigned index = 0; index < 3; index++) {
        struct lane *lane = NULL;
        assert_int_equal(start_with_contexts(index, &lane), ERR_INTERNAL);
        assert_null(lane);
        assert_int_equal(contexts.made, 2);
        assert_int_equal(contexts.freed, 2); /* so their threads have ended */
    }
}

static void what_cannot_start_says_so(void **state)
{
    (void)state;
    struct lane *lane = NULL;
    assert_int_equal(lane_start(&(struct lane_config){.name = "none"}, &lane), ERR_INVALID);
    const struct lane_config no_stack = {.name = "no-stack", .threads = 2, .queue_limit = 1, .stack_bytes = 1};
    assert_int_equal(lane_start(&no_stack, &lane), ERR_INTERNAL);
    assert_null(lane);
}

/* Many pushers, few workers, a short queue. */
enum { PUSHERS = 4, PUSHED_BY_EACH = 500 };

struct counted {
    struct lane_job job;
    _Atomic int runs;
};

static struct {
    struct lane *lane;
    struct counted jobs[PUSHERS][PUSHED_BY_EACH];
    _Atomic int accepted, refused;
    _Atomic int ok, timeout, shutdown;
} storm;

static void count(struct lane_job *job, void *worker, enum err fate)
{
    (void)worker;
    struct counted *counted = (struct counted *)job;
    atomic_fetch_add(fate == OK ? &storm.ok : fate == ERR_TIMEOUT ? &storm.timeout : &storm.shutdown, 1);
    atomic_fetch_add(&counted->runs, 1);
}

static void *push_many(void *arg)
{
    struct counted *jobs = arg;
    for (int i = 0; i < PUSHED_BY_EACH; i++) {
        jobs[i].job = (struct lane_job){.run = count, .deadline_ms = clock_ms() + (i % 10 ? LONG_MS : 0)};
        enum err err = lane_push(storm.lane, &jobs[i].job);
        atomic_fetch_add(err == OK ? &storm.accepted : &storm.refused, 1);
    }
    return NULL;
}

static void every_accepted_job_runs_once(void **state)
{
    (void)state;
    storm.lane = start("storm", 2, 16);
    pthread_t pushers[PUSHERS];
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&pushers[i], NULL, push_many, storm.jobs[i]), 0);
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i], NULL);
    lane_stop(&storm.lane, LONG_MS);
    int runs = 0;
    for (int i = 0; i < PUSHERS; i++)
        for (int k = 0; k < PUSHED_BY_EACH; k++) {
            assert_in_range(storm.jobs[i][k].runs, 0, 1);
            runs += storm.jobs[i][k].runs;
        }
    assert_int_equal(storm.accepted + storm.refused, PUSHERS * PUSHED_BY_EACH);
    assert_int_equal(runs, storm.accepted);
    assert_int_equal(storm.ok + storm.timeout + storm.shutdown, storm.accepted);
    assert_int_equal(storm.shutdown, 0);
    assert_int_equal(metric_get(M_LANE_REFUSED, "storm"), storm.refused);
    assert_int_equal(metric_get(M_LANE_EXPIRED, "storm"), storm.timeout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_keeps_the_order),
        cmocka_unit_test(a_full_lane_refuses),
        cmocka_unit_test(late_jobs_expire),
        cmocka_unit_test(stopping_fails_what_it_cannot_run),
        cmocka_unit_test(a_closed_lane_refuses_until_it_is_freed),
        cmocka_unit_test(a_stopping_lane_takes_nothing),
        cmocka_unit_test(every_worker_has_its_context),
        cmocka_unit_test(a_failing_context_fails_the_start),
        cmocka_unit_test(what_cannot_start_says_so),
        cmocka_unit_test(every_accepted_job_runs_once),
    };
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
