/* How fast accounts are compared. Pure. */
#ifndef REGISTRAR_JOBS_PACE_H
#define REGISTRAR_JOBS_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "component/service/reconcile.h"
#include "sql/rounds.h"

struct pace {
    int64_t needed;     /* comparisons a second, for the round to end in time */
    int64_t per_second; /* in force: what is configured or needed, as far as it may be; all there is in a hurry */
    int64_t now;        /* how many may be begun now */
};
/* `hurry`: an administrator waits for it. */
struct pace pace_of(const struct reconcile_settings *settings, const struct round_state *round, bool hurry);

#endif
