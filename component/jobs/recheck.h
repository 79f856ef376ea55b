/* What is compared at once when the link to the XMPP server is back: a server that was killed may have forgotten what
 * it acknowledged in its last seconds. */
#ifndef REGISTRAR_JOBS_RECHECK_H
#define REGISTRAR_JOBS_RECHECK_H

#include <stdint.h>

#include "component/base/err.h"

struct pg;
struct xmpp_status;

/* Zeroed at start: what happened before is not known. */
struct recheck {
    uint64_t generation; /* of the link that this was done for */
    int64_t alive_ms;    /* when that link was seen to be up */
};

/* Often; and before a new link is used, because what is done over it is not in doubt. On a link that is new, wishes
 * comparisons of all accounts whose JIDs or rosters were made or looked at within window_ms before the one before it
 * was lost. window_ms 0: of none. */
MUST_CHECK enum err recheck_follow(struct recheck *recheck, struct pg *pg, const struct xmpp_status *status,
                                   int64_t window_ms);

#endif
