/* The runner of calls (call.h). A call moves on its own: each step ends with handing it to the lane of the next one.
 * Whether a lane takes a call is decided at the first step on a database worker and before every hash: what comes later
 * has paid already (a hash, a commit) and is bounded by those. */
#include "component/service/call.h"

#include "component/base/clock.h"
#include "component/base/metrics.h"
#include "component/service/services.h"
#include "component/service/waiters.h"

enum { RETRY_BUSY_S = 2 };

static void conclude(struct call *call, enum err result)
{
    ticket_drop(call);
    call->result = call->settled ? OK : result;
    metric_add(M_REQUESTS, call->op->name, 1);
    metric_add(M_RESULTS, err_name(call->result), 1);
    metric_observe(M_REQUEST_SECONDS, call->op->name, clock_us() - call->started_us);
}

static void finish(struct call *call, enum err result)
{
    conclude(call, result);
    call->finished(call);
}

static void advance(struct call *call, bool first);

static void run_steps(struct call *call, struct worker *worker)
{
    const enum step_on lane = call->op->steps[call->step].on;
    do {
        const enum err err = call->op->steps[call->step].run(call, worker);
        if (err != OK || call->done) {
            finish(call, err);
            return;
        }
        call->step++;
    } while (call->op->steps[call->step].on == lane);
    advance(call, false);
}

static void run_job(struct lane_job *job, void *worker, enum err fate)
{
    struct call *call = (struct call *)job; /* job is the first member */
    if (fate == OK)
        run_steps(call, worker);
    else
        finish(call, fate);
}

static void push(struct call *call, struct lane *lane, const char *name, unsigned queue, bool refusable)
{
    call->job.run = run_job;
    call->job.deadline_ms = call->must_finish ? INT64_MAX : call->deadline_ms;
    enum err err = ERR_BUSY;
    if (!refusable || lane_waiting(lane) < queue)
        err = lane_push(lane, &call->job);
    if (err == OK)
        return; /* it is the lane's now */
    metric_add(M_LANE_REFUSED, name, 1);
    call->retry_after_s = RETRY_BUSY_S;
    finish(call, err);
}

static void advance(struct call *call, bool first)
{
    const struct runtime *runtime = &call->services->runtime;
    switch (call->op->steps[call->step].on) {
    case ON_DB:
        push(call, runtime->db, "db", runtime->db_queue, first);
        break;
    case ON_HASH:
        push(call, runtime->hash, "hash", runtime->hash_queue, true);
        break;
    case ON_SMS:
        push(call, runtime->sms, "sms", runtime->sms_queue, false);
        break;
    case ON_WAIT:
        ticket_park(call);
        break;
    default:
        finish(call, OK);
    }
}

bool call_begin(struct call *call)
{
    call->started_us = clock_us();
    for (call->step = 0; call->op->steps[call->step].on == ON_CALLER; call->step++) {
        const enum err err = call->op->steps[call->step].run(call, NULL);
        if (err != OK || call->done) {
            conclude(call, err);
            return true;
        }
    }
    return false;
}

void call_submit(struct call *call)
{
    advance(call, true);
}

void call_wake(struct call *call)
{
    call->step++;
    advance(call, false);
}

void call_done(struct call *call)
{
    call->done = true;
}
