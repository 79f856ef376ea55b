/* What happens without a request: the outbox, which makes JIDs and rosters true; the prover, which proves each new link
 * to the XMPP server; the reconciler, which has accounts compared with it; the keeper, which follows what other
 * processes say through Postgres and forgets what is over. */
#ifndef REGISTRAR_JOBS_JOBS_H
#define REGISTRAR_JOBS_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/service/reconcile.h"
#include "sql/instances.h"

struct herald;
struct pg_config;
struct redis_config;
struct services;
struct taking;
struct xmpp;

struct jobs_config {
    struct instance instance; /* this process */
    struct services *services;
    struct xmpp *xmpp;
    const struct pg_config *pg;
    const struct redis_config *redis;
    const char *component; /* our domain: what the proof of the server's driver is filed under */
    unsigned workers;      /* wishes worked on at once */
    int64_t lease_ms;
    int64_t backoff_ms, backoff_max_ms;
    int64_t stuck_after;
    struct reconcile_settings reconcile;
    struct herald *herald; /* jobs_start fills it in */
};

struct jobs;

/* Starts the threads. What the config points to must outlive them. */
MUST_CHECK enum err jobs_start(const struct jobs_config *config, struct jobs **jobs_r);
/* There is new work in the outbox; from any thread, does not block. `jobs` is a struct jobs *. */
void jobs_wake(void *jobs);
/* Pairs' wishes that somebody is about to make, `most` at most: NULL, or what they are to be taken by from the outbox
 * as they are made (sql/taking.h), because nothing is under way and they can be worked on at once. It must come back,
 * with the outcome: OK, and they begin; ERR_UNCERTAIN; or another error, when nothing was committed. From any thread,
 * do not block. `jobs` is a struct jobs *. */
struct taking *jobs_begin_pairs(void *jobs, size_t most);
void jobs_end_pairs(void *jobs, struct taking *taking, enum err outcome);
/* The XMPP link changed; likewise. */
void jobs_link_changed(void *jobs);
/* Finishes what is under way until drain_ms have passed, records it, joins, frees. */
void jobs_stop(struct jobs **jobs, int64_t drain_ms);

#endif
