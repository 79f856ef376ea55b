/* Decode, run, render. Holds no state of its own; the transport owns the memory and the threads. */
#include "http/dispatch.h"

#include "component/base/clock.h"

enum { STATUS_UNAVAILABLE = 503, RETRY_AFTER_UNKNOWN = 1 };

bool dispatch_begin(struct dispatch *dispatch, const struct dispatch_way *way)
{
    struct call *call = &dispatch->call;
    *call = (struct call){
        .services = way->services,
        .arena = way->arena,
        .op = dispatch->match.route->op,
        .peer = *way->peer,
        .deadline_ms = way->deadline_ms,
        .finished = way->finished,
        .owner = way->owner,
    };
    call->result = dispatch->match.route->decode(dispatch->match.dialect, &dispatch->request, call);
    return call->result != OK || call_begin(call);
}

/* What a client should try again later, and a balancer elsewhere. ERR_UNCERTAIN: Postgres went away at COMMIT and
 * cannot be asked, so that "failed" could be untrue. */
static bool is_unavailable(enum err err)
{
    switch (err) {
    case ERR_BUSY:
    case ERR_TIMEOUT:
    case ERR_DB_DOWN:
    case ERR_UNCERTAIN:
    case ERR_CACHE_DOWN:
    case ERR_SHUTDOWN:
        return true;
    default:
        return false;
    }
}

void dispatch_fail(const struct match *match, unsigned status, enum err err, struct arena *arena, struct reply *reply_r)
{
    reply_init(reply_r, arena);
    match->dialect->render_failure(match->dialect, match->route, err, reply_r);
    reply_r->status = status;
}

void dispatch_render(struct dispatch *dispatch)
{
    const struct call *call = &dispatch->call;
    const struct match *match = &dispatch->match;
    struct reply *reply = &dispatch->reply;
    if (is_unavailable(call->result)) {
        dispatch_fail(match, STATUS_UNAVAILABLE, call->result, call->arena, reply);
        reply_retry_after(reply, call->retry_after_s != 0 ? call->retry_after_s : RETRY_AFTER_UNKNOWN);
        return;
    }
    reply_init(reply, call->arena);
    match->route->render(match->dialect, &dispatch->request, call, reply);
    if (call->result == ERR_LIMITED && call->retry_after_s != 0)
        reply_retry_after(reply, call->retry_after_s);
}
