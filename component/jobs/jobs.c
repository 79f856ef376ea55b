#include "component/jobs/jobs.h"

#include <stdlib.h>

#include "component/base/arena.h"
#include "component/jobs/herald.h"
#include "component/jobs/keeper.h"
#include "component/jobs/outbox.h"
#include "component/jobs/prover.h"
#include "component/jobs/reconciler.h"

struct jobs {
    struct jobs_config config;
    struct outbox *outbox;
    struct keeper *keeper;
    struct prover *prover;
    struct reconciler *reconciler;
};

enum err jobs_start(const struct jobs_config *config, struct jobs **jobs_r)
{
    struct jobs *jobs = xcalloc(1, sizeof *jobs);
    jobs->config = *config;
    enum err err = herald_start(&jobs->config, &jobs->config.herald);
    if (err == OK)
        err = outbox_start(&jobs->config, &jobs->outbox);
    if (err == OK)
        err = keeper_start(&jobs->config, &jobs->keeper);
    if (err == OK)
        err = prover_start(&jobs->config, jobs->outbox, &jobs->prover);
    if (err == OK)
        err = reconciler_start(&jobs->config, jobs->outbox, &jobs->reconciler);
    if (err == OK)
        *jobs_r = jobs;
    else
        jobs_stop(&jobs, 0);
    return err;
}

void jobs_wake(void *jobs)
{
    outbox_wake(((struct jobs *)jobs)->outbox);
}

struct taking *jobs_begin_pairs(void *jobs, size_t most)
{
    return outbox_begin_pairs(((struct jobs *)jobs)->outbox, most);
}

void jobs_end_pairs(void *jobs, struct taking *taking, enum err outcome)
{
    outbox_end_pairs(((struct jobs *)jobs)->outbox, taking, outcome);
}

void jobs_link_changed(void *jobs)
{
    prover_wake(((struct jobs *)jobs)->prover);
}

void jobs_stop(struct jobs **jobs, int64_t drain_ms)
{
    if (*jobs == NULL)
        return;
    reconciler_stop(&(*jobs)->reconciler);
    prover_stop(&(*jobs)->prover);
    keeper_stop(&(*jobs)->keeper);
    outbox_stop(&(*jobs)->outbox, drain_ms);
    herald_stop(&(*jobs)->config.herald);
    free(*jobs);
    *jobs = NULL;
}
