/* The keeper: follows the token epoch, keeps the outbox's figures, purges; each second. */
#ifndef REGISTRAR_JOBS_KEEPER_H
#define REGISTRAR_JOBS_KEEPER_H

#include "component/jobs/jobs.h"

struct keeper;

MUST_CHECK enum err keeper_start(const struct jobs_config *config, struct keeper **keeper_r);
void keeper_stop(struct keeper **keeper);

#endif
