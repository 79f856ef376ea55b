#include "component/service/known_caller.h"

#include "component/base/log.h"
#include "component/cache/callers.h"
#include "component/service/services.h"

static struct callers callers_of(const struct call *call, const char *phone, const char *xid)
{
    return (struct callers){.phone = phone, .network = call->peer.network, .handset = xid};
}

void known_caller_note(struct call *call, struct worker *worker, const char *phone, const char *xid, bool after_reset)
{
    const struct callers callers = callers_of(call, phone, xid);
    const enum err err = callers_note(worker->redis, call->services->keyring, &callers, after_reset,
                                      call->services->settings.known_caller_ms);
    if (err != OK && err != ERR_CACHE_DOWN)
        log_warn("caller_not_noted", F_ERR(err));
}

enum err known_caller_is(struct call *call, struct worker *worker, const char *phone, const char *xid, bool *known_r)
{
    const struct callers callers = callers_of(call, phone, xid);
    return callers_known(worker->redis, call->services->keyring, &callers, known_r);
}
