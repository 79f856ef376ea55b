/* What those whom a binding is wished with have to say to it (accounts.consent): an account accepts, wishes to be
 * asked, or refuses. */
#ifndef REGISTRAR_SERVICE_CONSENT_H
#define REGISTRAR_SERVICE_CONSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/service/call.h"
#include "sql/accounts.h"

enum consent_way {
    CONSENT_BINDS, /* it accepts, or asked for it itself */
    CONSENT_ASKS,  /* it is to be asked */
    CONSENT_WAITS, /* it was asked already */
    CONSENT_SAYS_NO,
};

struct consent_list {
    int64_t asker;
    struct account *const *targets;
    size_t count;
    size_t counted;         /* out: those who are to be asked, as the limit counted them */
    enum consent_way *ways; /* out; of count */
};

/* Before the transaction: counts those who are to be asked against the asker's limit. ERR_LIMITED, also when one of
 * them is asked by ASKS_MAX already; ERR_CACHE_DOWN. */
MUST_CHECK enum err consent_limit(struct call *call, struct worker *worker, struct consent_list *list);
/* Finds the ways; `lock`: in a transaction, where what was asked before stays as it is. */
MUST_CHECK enum err consent_find(struct call *call, struct worker *worker, struct consent_list *list, bool lock);
/* Whether one of them wishes to be asked. */
bool consent_is_needed(const struct consent_list *list);
/* The ids of those who go that way, in the arena. */
const int64_t *consent_pick(struct call *call, const struct consent_list *list, enum consent_way way, size_t *count_r);
/* In a transaction: asks those who are to be asked. ERR_BUSY: somebody else has just done so, or there are more of them
 * than were counted against the limit, because asks ended since; look again. */
MUST_CHECK enum err consent_ask(struct call *call, struct worker *worker, const struct consent_list *list);

#endif
