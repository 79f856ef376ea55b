/* One request's way through its route, the same on every transport: decode, run, render. */
#ifndef HTTP_DISPATCH_H
#define HTTP_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "http/router.h"

struct dispatch {
    struct request request; /* filled by the transport */
    struct match match;     /* likewise */
    struct call call;
    struct reply reply; /* after dispatch_render */
};

struct dispatch_way {
    struct services *services;
    struct arena *arena; /* also the dispatch's own */
    const struct peer_address *peer;
    int64_t deadline_ms;
    void (*finished)(struct call *call); /* on any thread, once, when dispatch_begin returned false */
    void *owner;                         /* call->owner */
};

/* True: the call is finished, render it. False: hand it over with call_submit(&dispatch->call). */
MUST_CHECK bool dispatch_begin(struct dispatch *dispatch, const struct dispatch_way *way);
/* Makes the reply of a finished call: the dialect's own, or under 503 its failure when what is behind cannot be had. */
void dispatch_render(struct dispatch *dispatch);
/* Makes the dialect's failure under an HTTP status that the server answers by itself. */
void dispatch_fail(const struct match *match, unsigned status, enum err err, struct arena *arena,
                   struct reply *reply_r);

#endif
