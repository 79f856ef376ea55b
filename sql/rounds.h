/* Rounds of comparing (docs/reconcile.md): in each of them every account has its turn once, those that are in use
 * first. One row for all processes: who holds it gives turns, the others leave it to him. */
#ifndef SQL_ROUNDS_H
#define SQL_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct pg;

struct round_state {
    int64_t round;
    int64_t age_ms;      /* since it was begun */
    int64_t size, taken; /* accounts; of them, those that had their turn */
    bool enrolling;      /* accounts that never were compared are still being added */
    bool over;           /* all had their turn */
    int64_t idle_ms;     /* since the latest turn */
    int64_t waiting;     /* comparisons in the outbox */
};

/* In a transaction. ERR_BUSY while another process holds it. */
MUST_CHECK enum err rounds_hold(struct pg *pg, struct round_state *state_r);
/* The rest needs it to be held. */

/* Begins the next round. */
MUST_CHECK enum err rounds_begin(struct pg *pg);
/* Adds up to `most` accounts that are missing: active ones, and those cancelled within remember_ms. */
MUST_CHECK enum err rounds_enrol(struct pg *pg, int64_t most, int64_t remember_ms);
/* Puts up to `most` comparisons into the outbox: first those that were held by the brake, then those in use most
 * recently. How many it is goes to taken_r. */
MUST_CHECK enum err rounds_take(struct pg *pg, int64_t most, int64_t *taken_r);

/* Without holding it: the same look. */
MUST_CHECK enum err rounds_look(struct pg *pg, struct round_state *state_r);

#endif
