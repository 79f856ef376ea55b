/* The herald: tells the other processes what became true here, so that a call which waits there for what this process
 * did is woken (cache/news.h). It has a thread of its own because Redis may hang, and the outbox must not. */
#ifndef REGISTRAR_JOBS_HERALD_H
#define REGISTRAR_JOBS_HERALD_H

#include "component/jobs/jobs.h"

struct herald;

MUST_CHECK enum err herald_start(const struct jobs_config *config, struct herald **herald_r);
/* From any thread; does not block. What comes faster than it can be told is dropped: the calls wait a little longer. */
void herald_tell(struct herald *herald, uint64_t key);
void herald_stop(struct herald **herald);

#endif
