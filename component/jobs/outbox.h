/* The outbox's dispatcher: takes due rows, has them run on the XMPP lane, records what came of them. */
#ifndef REGISTRAR_JOBS_OUTBOX_H
#define REGISTRAR_JOBS_OUTBOX_H

#include "component/jobs/jobs.h"

struct outbox;
struct wish;

MUST_CHECK enum err outbox_start(const struct jobs_config *config, struct outbox **outbox_r);
void outbox_wake(struct outbox *outbox);
/* As jobs_wake_for. */
void outbox_wake_for(struct outbox *outbox, const struct wish *wishes, size_t count);
void outbox_stop(struct outbox **outbox, int64_t drain_ms);

#endif
