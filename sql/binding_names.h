/* How a side of a binding shall stand in the other's roster, where somebody said so for that binding. */
#ifndef SQL_BINDING_NAMES_H
#define SQL_BINDING_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct pg;

/* What is not said is as the account and the configuration have it. */
struct shown_as {
    const char *nickname; /* NULL: not said */
    bool has_groups;      /* said; be it that there are none */
    const char *const *groups;
    size_t group_count;
};

/* What of it is to change. */
struct rename {
    bool sets_nickname, sets_groups;
    struct shown_as to;
};
/* In a transaction: how the account's roster shall show the peer; the wish that it does goes to the outbox. It ends
 * with the binding. ERR_NOT_BOUND. The new wish's version goes to version_r. */
MUST_CHECK enum err binding_names_set(struct pg *pg, struct arena *arena, int64_t account_id, int64_t peer_id,
                                      const struct rename *rename, int64_t *version_r);

#endif
