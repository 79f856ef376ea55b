/* The prover (prover.h). It has a thread of its own because a proof takes as long as the server lets it: nothing else
 * waits for that. */
#include "component/jobs/prover.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/jobs/outbox.h"
#include "component/jobs/recheck.h"
#include "component/jobs/ticker.h"
#include "sql/meta.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "xmpp/xmpp.h"

enum { BACKOFF_BASE_MS = 1000, BACKOFF_CAP_MS = 30000, PROOF_LASTS_S = 86400 };

struct prover {
    const struct jobs_config *config;
    struct outbox *outbox;
    struct pg *pg; /* the thread's, as what follows */
    struct recheck recheck;
    unsigned failures;
    int64_t next_ms; /* no attempt before */
    struct ticker *ticker;
};

/* The proof in what is kept, which is "<seconds of Unix time> <proof>"; "" when it is too old. */
static const char *fresh_proof(const char *kept)
{
    char *rest;
    if (kept == NULL)
        return "";
    const long long made = strtoll(kept, &rest, 10), now = time(NULL);
    return made > now - PROOF_LASTS_S && made <= now && *rest == ' ' ? rest + 1 : "";
}

/* The proof of an earlier run is kept in Postgres for a day: the self-test is for new servers, and for what somebody
 * took away from us on an old one, not for each reconnect. */
static enum err prove(struct prover *prover, struct arena *arena, bool *asked_r)
{
    char proof[XMPP_PROOF_SIZE];
    const char *kept = NULL;
    const char *key = arena_printf(arena, "xmpp_proof:%s", prover->config->component);
    enum err err = meta_get(prover->pg, arena, key, &kept);
    if (err != OK)
        return err;
    *asked_r = true;
    err = xmpp_prove(prover->config->xmpp, fresh_proof(kept), proof);
    if (err == OK && strcmp(fresh_proof(kept), proof) != 0)
        err = meta_set(prover->pg, key, arena_printf(arena, "%lld %s", (long long)time(NULL), proof));
    return err;
}

static void succeed(struct prover *prover)
{
    prover->failures = 0;
    if (outbox_hurry(prover->pg) != OK)
        log_warn("outbox_not_hurried");
    outbox_wake(prover->outbox);
}

/* A link that was lost meanwhile says nothing against the server; the link has a backoff of its own. What the server
 * said wrong is in the log already. */
static void fail(struct prover *prover, enum err err, bool asked)
{
    if (err == ERR_XMPP_DOWN) {
        prover->failures = 0;
        prover->next_ms = 0;
        return;
    }
    if (!asked && prover->failures == 0)
        log_warn("xmpp_proof_not_read", F_ERR(err));
    prover->next_ms = clock_ms() + backoff_ms(prover->failures++, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
}

static void tick(void *arg)
{
    struct prover *prover = arg;
    struct xmpp_status status;
    xmpp_status(prover->config->xmpp, &status);
    if (!status.ready && clock_ms() < prover->next_ms)
        return;
    enum err err = recheck_follow(&prover->recheck, prover->pg, &status, prover->config->reconcile.recheck_ms);
    if (!status.up || status.ready)
        return;
    struct arena *arena = arena_new();
    bool asked = false; /* the server was */
    if (err == OK)
        err = prove(prover, arena, &asked);
    arena_free(&arena);
    if (err == OK)
        succeed(prover);
    else
        fail(prover, err, asked);
}

enum err prover_start(const struct jobs_config *config, struct outbox *outbox, struct prover **prover_r)
{
    struct prover *prover = xcalloc(1, sizeof *prover);
    *prover = (struct prover){.config = config, .outbox = outbox, .pg = pg_new(config->pg)};
    const enum err err = ticker_start("prover", tick, prover, &prover->ticker);
    if (err == OK)
        *prover_r = prover;
    else
        prover_stop(&prover);
    return err;
}

void prover_wake(struct prover *prover)
{
    ticker_wake(prover->ticker);
}

void prover_stop(struct prover **prover_ref)
{
    struct prover *prover = *prover_ref;
    if (prover == NULL)
        return;
    ticker_stop(&prover->ticker);
    pg_free(&prover->pg);
    free(prover);
    *prover_ref = NULL;
}
