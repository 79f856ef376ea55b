/* The calls of transcripts, made on the real link and driver through xmpp.h:
 *
 * - link [PASSWORD]: the link comes up, with another secret when one is given, and what was proved before holds
 * - prove: the self-test
 * - create LOCAL PASSWORD, check LOCAL PASSWORD, password LOCAL PASSWORD, enable LOCAL PASSWORD
 * - delete LOCAL, disable LOCAL, end-sessions LOCAL, roster LOCAL, message LOCAL
 * - bind LOCAL LOCAL [NAME GROUPS]: NAME and GROUPS (with commas) are the second one's in the first one's roster
 * - unbind LOCAL LOCAL, unbind-deleted LOCAL LOCAL: the second one is being deleted
 *
 * A call comes out as "ok", an error's name, or the reason why there is no link. */
#ifndef TESTS_TRANSCRIPTS_CALLS_H
#define TESTS_TRANSCRIPTS_CALLS_H

#include <stdint.h>

#include "component/base/buf.h"
#include "xmpp/xmpp.h"

enum { CALLS_RESULT_SIZE = 96 };

struct caller {
    struct xmpp_config config;
    struct xmpp *xmpp;           /* made by the first `link` */
    char proof[XMPP_PROOF_SIZE]; /* that the last `link` came to, or of an earlier run */
    uint64_t generation;         /* the link that was last used */
    bool tried;                  /* there was a link, or a reason for none */
    char secret[64];             /* that `link` was given */
};

struct outcome {
    char result[CALLS_RESULT_SIZE];
    struct buf shows; /* "shows: ..." lines: what was seen in rosters */
};

/* The strings are the caller's of this function, and must outlive it. */
void caller_init(struct caller *caller, const char *host, uint16_t port, const char *domain, const char *component,
                 const char *secret);
void caller_close(struct caller *caller);
/* Makes up the proof of an earlier run against this server. */
void caller_prove_by(struct caller *caller, const char *name, const char *version);

void outcome_init(struct outcome *outcome);
void outcome_free(struct outcome *outcome);
/* `call` without names. Ends by the deadline, more or less. */
void caller_run(struct caller *caller, const char *call, int64_t timeout_ms, struct outcome *outcome_r);

#endif
