/* The brake on mending: when too many accounts have drifted at once, nothing is mended by any process until an
 * administrator lets it go on (docs/reconcile.md). One row for all processes; who notes a drift holds it, so that
 * detection is never outrun by mending. */
#ifndef SQL_BRAKE_H
#define SQL_BRAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct pg;

/* How many accounts are too many: more than `accounts` or, where that is 0, than `percent` of the active ones and than
 * `floor`; they drifted at once when it was within window_ms. */
struct brake_limits {
    int64_t percent, accounts, floor;
    int64_t window_ms;
};

enum brake { BRAKE_OFF, BRAKE_ON, BRAKE_LET_GO };

struct brake_state {
    enum brake brake;
    int64_t active;    /* accounts, when they were counted last */
    int64_t most;      /* that may drift at once */
    int64_t drifted;   /* within the window, as far as they count */
    int64_t on_ms;     /* since it went on; 0 while it is off */
    int64_t let_go_ms; /* BRAKE_LET_GO: time left */
};

/* An account that has drifted; or several, of which one did it, nobody knows which. The arena is for the call. */
struct drifted {
    struct arena *arena;
    const int64_t *accounts;
    size_t count;
};
/* It has drifted: of several, the one that was noted last, or the first of them. What state the brake is in with
 * it goes to brake_r: BRAKE_ON when it is one too many. What was found may be mended in the others. A transaction of
 * its own. */
MUST_CHECK enum err brake_note(struct pg *pg, const struct drifted *drifted, const struct brake_limits *limits,
                               enum brake *brake_r);
MUST_CHECK enum err brake_look(struct pg *pg, const struct brake_limits *limits, struct brake_state *state_r);
/* Only in what state it is. */
MUST_CHECK enum err brake_get(struct pg *pg, enum brake *brake_r);
/* Counts the active accounts. */
MUST_CHECK enum err brake_count_accounts(struct pg *pg);

/* In a transaction: mending goes on whatever is found, for most_ms or until brake_release. ERR_NOT_FOUND when the brake
 * is not on. */
MUST_CHECK enum err brake_let_go(struct pg *pg, int64_t most_ms);
/* Ends what brake_let_go began, if its time is over or `all_compared`: the brake is off, and what was found until now
 * does not count any more. Whether anything changed goes to released_r. */
MUST_CHECK enum err brake_release(struct pg *pg, bool all_compared, bool *released_r);

#endif
