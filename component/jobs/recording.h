/* Writing down what came of errands. */
#ifndef REGISTRAR_JOBS_RECORDING_H
#define REGISTRAR_JOBS_RECORDING_H

#include "component/jobs/errand.h"

/* Writes them down and marks them `recorded`: the pairs that were done in one statement, which a relaxed session does
 * not have to wait for; all else in one transaction, because a registration counts only once it is on the disk. An
 * error leaves some of them as they were. Doing it twice is harmless: the lease tells. */
MUST_CHECK enum err errands_record(struct pg *pg, struct errand *list);

/* Writes them down; tells and frees those for which that is over. What could not be written down, because Postgres is
 * away, is given back. */
struct errand *errands_conclude(struct pg *pg, struct errand *list);

#endif
