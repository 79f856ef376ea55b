/* The outbox's dispatcher: takes due rows, has them run on the XMPP lane, records what came of them. */
#ifndef REGISTRAR_JOBS_OUTBOX_H
#define REGISTRAR_JOBS_OUTBOX_H

#include <stddef.h>

#include "component/jobs/jobs.h"

struct outbox;
struct taking;

MUST_CHECK enum err outbox_start(const struct jobs_config *config, struct outbox **outbox_r);
void outbox_wake(struct outbox *outbox);
/* As jobs_begin_pairs and jobs_end_pairs. */
struct taking *outbox_begin_pairs(struct outbox *outbox, size_t most);
void outbox_end_pairs(struct outbox *outbox, struct taking *taking, enum err outcome);
void outbox_stop(struct outbox **outbox, int64_t drain_ms);

#endif
