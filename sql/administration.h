/* What an administrator asks and sets, beyond what the services do: an account by any of its names, all that may be
 * told about it, and what the outbox holds. */
#ifndef SQL_ADMINISTRATION_H
#define SQL_ADMINISTRATION_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"
#include "sql/outbox.h"

struct arena;
struct pg;

/* ERR_NO_SUCH_NAME. */
MUST_CHECK enum err administration_find_jid(struct pg *pg, struct arena *arena, const char *jid_local,
                                            struct account *account_r);

/* Times are seconds since 1970; 0: never. */
struct account_facts {
    int64_t created_at, cancelled_at, banned_at, jid_checked_at, compared_at;
    int64_t jid_key; /* that its password is sealed under; 0: there is none */
    int64_t sessions, bound, pending;
    int64_t outcome, drift; /* of the last comparison: enum outcome, 0: never; differences that were found */
};
MUST_CHECK enum err administration_facts(struct pg *pg, int64_t account_id, struct account_facts *facts_r);

/* ERR_NOT_FOUND: not an active account. */
MUST_CHECK enum err administration_set_role(struct pg *pg, int64_t account_id, enum role role);

/* The ids of active accounts after that one, in their order, at most `most`; the arena's. */
MUST_CHECK enum err administration_accounts(struct pg *pg, struct arena *arena, int64_t after, int64_t most,
                                            int64_t **ids_r, size_t *count_r);

/* A wish that is not yet true on the XMPP server. */
struct waiting_wish {
    enum outbox_kind kind;
    int64_t low, high;
    int64_t attempts, age_s, due_ms; /* due_ms: until the next attempt, or the end of the lease */
    const char *owner;               /* who works on it; "" nobody */
    const char *error;               /* of the last attempt; "" there was none */
};
/* Those with the most attempts first, at most `most`; all of them are counted in total_r. The arena's. */
MUST_CHECK enum err administration_wishes(struct pg *pg, struct arena *arena, int64_t most,
                                          struct waiting_wish **wishes_r, size_t *count_r, int64_t *total_r);
/* An account's of that kind. ERR_NOT_FOUND: it is true. */
MUST_CHECK enum err administration_wish(struct pg *pg, struct arena *arena, enum outbox_kind kind, int64_t account_id,
                                        struct waiting_wish *wish_r);

#endif
