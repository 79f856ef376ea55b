/* The reconciler: gives accounts their turn to be compared with the XMPP server (docs/reconcile.md), keeps the figures
 * about that, and says when the brake goes on; each second. */
#ifndef REGISTRAR_JOBS_RECONCILER_H
#define REGISTRAR_JOBS_RECONCILER_H

#include "component/jobs/jobs.h"

struct outbox;
struct reconciler;

MUST_CHECK enum err reconciler_start(const struct jobs_config *config, struct outbox *outbox,
                                     struct reconciler **reconciler_r);
void reconciler_stop(struct reconciler **reconciler);

#endif
