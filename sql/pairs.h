/* Pairs as jobs have them: the wish in force with both accounts, and what was seen of it on the server. */
#ifndef SQL_PAIRS_H
#define SQL_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"
#include "sql/binding_names.h"

struct arena;
struct outbox_item;
struct pg;

/* The wish in force for a binding, with both accounts, whatever their state. */
struct pair {
    bool wanted;
    int64_t version;
    struct account sides[2];  /* low, high */
    struct shown_as shown[2]; /* the other one in low's roster, in high's */
};

struct pair_load {
    int64_t low, high;
    struct arena *arena; /* of the pair's strings */
    /* out */
    struct pair *pair;
    bool found; /* false: the binding is gone */
};
/* Loads all of them at once. `arena` is for the moment. */
MUST_CHECK enum err pairs_load(struct pg *pg, struct arena *arena, struct pair_load *loads, size_t count);

/* What a roster was seen to show: `present` false erases. */
struct roster_sight {
    bool present;
    int subscription; /* 0 none, 1 to, 2 from, 3 both */
    const char *nickname;
    const char *const *groups;
    size_t group_count;
};

/* A pair whose wish was made true. */
struct pair_done {
    const struct outbox_item *item;
    int64_t version;               /* of the wish that was seen */
    struct roster_sight sights[2]; /* low's roster, high's */
    /* out: false: the lease had run out, and nothing was written down (outbox_done, then) */
    bool recorded;
};
/* Writes down all of them at once: the sights, the version that is true now, and the outbox's row, as outbox_done does.
 * An ended binding's row goes to bindings_ended. One statement, so that a relaxed session may run it outside a
 * transaction: if it is forgotten, the pairs come up again. The same goes for running it twice. */
MUST_CHECK enum err pairs_record(struct pg *pg, struct arena *arena, struct pair_done *done, size_t count);

#endif
