/* Reconciling as an operator has it: its settings, what state it is in, and letting it go on after the brake
 * (docs/reconcile.md). */
#ifndef REGISTRAR_SERVICE_RECONCILE_H
#define REGISTRAR_SERVICE_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/brake.h"

struct arena;
struct pg;

struct reconcile_settings {
    bool follow;                         /* a contact that its user removed ends the binding; else it is made again */
    int64_t per_second, per_second_most; /* comparisons; 0: none but after a lost link */
    int64_t interval_ms;                 /* in which all accounts are compared once */
    int64_t recheck_ms;                  /* how far back a server may have forgotten what it acknowledged */
    int64_t remember_ms;                 /* how long what ended is known, and looked for */
    struct brake_limits brake;
};

/* What it is doing, as lines of text for an operator; the arena's. */
MUST_CHECK enum err reconcile_status(struct pg *pg, struct arena *arena, const struct reconcile_settings *settings,
                                     const char **text_r);
/* Lets mending go on until each account has been compared once more, for a day at most. ERR_NOT_FOUND: the brake is not
 * on. */
MUST_CHECK enum err reconcile_go_on(struct pg *pg);

#endif
