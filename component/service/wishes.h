/* Bindings that are wished or ended: in one transaction, and then awaited for a moment. Shared by the operations that
 * do so, whose io begins with a struct wishes. */
#ifndef REGISTRAR_SERVICE_WISHES_H
#define REGISTRAR_SERVICE_WISHES_H

#include <stdbool.h>
#include <stddef.h>

#include "component/service/call.h"
#include "sql/bindings.h"

struct wishes {
    struct wish *made;
    size_t count;
    bool asks;             /* an account has to agree first, so that not all will be seen soon */
    bool seen;             /* out: all rosters were seen to show it */
    struct taking *taking; /* what the outbox's rows are taken by as they are made; NULL: they are left there */
};

/* Runs `make`, which has `most` wishes taken as they are made, at most, in a transaction, with a ticket for what it
 * wished, and anew when it met somebody else's. It is committed when this is OK; then wishes_tell is due. */
MUST_CHECK enum err wishes_commit(struct call *call, struct worker *worker, size_t most,
                                  enum err (*make)(struct call *call, struct worker *worker));
/* After the commit: the operation succeeded, whatever fails later; the outbox has work. */
void wishes_tell(struct call *call);
/* For `make`: wishes that the asker be bound to the peers, for the io. ERR_NO_SUCH_NAME (one was cancelled meanwhile),
 * ERR_REFUSED, ERR_FULL (one of the accounts would have more bindings than it may), ERR_CONFLICT (one wishes to be
 * asked by now, unless all have `agreed`). */
MUST_CHECK enum err wishes_want(struct call *call, struct worker *worker, int64_t asker, const int64_t *peers,
                                size_t count, bool agreed);
/* The step behind ON_WAIT: whether they were seen. */
MUST_CHECK enum err wishes_look(struct call *call, struct worker *worker);

#endif
