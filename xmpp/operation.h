/* One operation on a server, between begin and end: inside of the facade (xmpp.h). */
#ifndef XMPP_OPERATION_H
#define XMPP_OPERATION_H

#include "xmpp/server.h"
#include "xmpp/task.h"
#include "xmpp/xmpp.h"

/* It holds slots; the driver is the one that is proved on the task's link. */
struct operation {
    struct task task;
    const struct xmpp_server *server;
};

/* On one account. Everything but OK needs no end. */
MUST_CHECK enum err operation_begin(struct xmpp *xmpp, const char *local, int64_t deadline_ms,
                                    struct operation *operation);
/* What came of it, as xmpp.h has it. */
MUST_CHECK enum err operation_end(struct xmpp *xmpp, const struct operation *operation, enum err err);

#endif
