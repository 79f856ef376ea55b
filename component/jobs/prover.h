/* The prover: proves each new link to the XMPP server, and then lets the outbox begin. */
#ifndef REGISTRAR_JOBS_PROVER_H
#define REGISTRAR_JOBS_PROVER_H

#include "component/jobs/jobs.h"

struct outbox;
struct prover;

MUST_CHECK enum err prover_start(const struct jobs_config *config, struct outbox *outbox, struct prover **prover_r);
/* The link changed. */
void prover_wake(struct prover *prover);
void prover_stop(struct prover **prover);

#endif
