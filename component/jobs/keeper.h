/* The keeper: proves each new link, follows the token epoch, keeps the outbox's figures, purges. */
#ifndef REGISTRAR_JOBS_KEEPER_H
#define REGISTRAR_JOBS_KEEPER_H

#include "component/jobs/jobs.h"

struct keeper;
struct outbox;

MUST_CHECK enum err keeper_start(const struct jobs_config *config, struct outbox *outbox, struct keeper **keeper_r);
void keeper_wake(struct keeper *keeper);
void keeper_stop(struct keeper **keeper);

#endif
