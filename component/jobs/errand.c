/* Errands of all kinds (errand.h): the table of kinds, and what is common to them. */
#include "component/jobs/errand.h"

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/jobs/errand_kind.h"

static enum err load_nothing(struct pg *pg, struct errand *errand)
{
    (void)pg;
    (void)errand;
    return ERR_UNSUPPORTED;
}

/* A newer program's wish: it is left to that program. */
static const struct errand_kind unknown = {.name = "unknown", .load = load_nothing};

static const struct errand_kind *kind_of(enum outbox_kind kind)
{
    switch (kind) {
    case OUTBOX_CREATE_JID:
        return &errand_create_jid;
    case OUTBOX_DELETE_JID:
        return &errand_delete_jid;
    case OUTBOX_PAIR:
        return &errand_pair;
    case OUTBOX_CHECK_JID:
        return &errand_check_jid;
    case OUTBOX_COMPARE:
        return &errand_compare;
    case OUTBOX_DOOR:
        return &errand_door;
    case OUTBOX_ASK:
        return &errand_ask;
    }
    return &unknown;
}

const char *errand_kind_name(enum outbox_kind kind)
{
    return kind_of(kind)->name;
}

void errands_load(struct pg *pg, struct errand *list)
{
    errand_load_pairs(pg, list);
    for (struct errand *errand = list; errand != NULL; errand = errand->next)
        if (errand->item.kind != OUTBOX_PAIR)
            errand->result = kind_of(errand->item.kind)->load(pg, errand);
}

void errand_run(struct errand *errand)
{
    /* what takes longer than the lease could meet its successor */
    errand->result = kind_of(errand->item.kind)->run(errand, clock_ms() + errand->config->lease_ms / 2);
    if (errand->result ==
        ERR_NOT_FOUND) /* on the server; to errand_record it would mean that there was nothing to do */
        errand->result = ERR_JID_NONE;
}

enum err errand_retry(struct pg *pg, const struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    if (errand->result == ERR_SHUTDOWN)
        return outbox_give_back(pg, item);
    /* At once when the link is back; but only once, should it be this wish that breaks it. */
    const int64_t wait_ms =
        errand->result == ERR_XMPP_DOWN && item->attempts == 1
            ? 0
            : backoff_ms(item->attempts, errand->config->backoff_ms, errand->config->backoff_max_ms);
    return outbox_retry(pg, item, wait_ms, err_name(errand->result));
}

enum err errand_mend(struct pg *pg, struct errand *errand)
{
    const struct errand_kind *kind = kind_of(errand->item.kind);
    return errand->result == OK && kind->mend != NULL ? kind->mend(pg, errand) : OK;
}

enum err errand_record(struct pg *pg, struct errand *errand)
{
    const struct errand_kind *kind = kind_of(errand->item.kind);
    enum err err = OK;
    switch (errand->result) {
    case OK:
        err = kind->done(pg, errand);
        return err == OK ? outbox_done(pg, &errand->item) : err;
    case ERR_NOT_FOUND: /* errand_load: nothing to do */
        return outbox_done(pg, &errand->item);
    default:
        return kind->failed != NULL ? kind->failed(pg, errand) : errand_retry(pg, errand);
    }
}

void errand_tell(struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    const struct errand_kind *kind = kind_of(errand->item.kind);
    if (kind->tell != NULL)
        kind->tell(errand);
    if (errand->result == OK || errand->result == ERR_NOT_FOUND) {
        metric_add(M_OUTBOX_DONE, kind->name, 1);
        return;
    }
    if (errand->result == ERR_SHUTDOWN)
        return; /* it did not fail */
    metric_add(M_OUTBOX_FAILED, kind->name, 1);
    if ((int64_t)item->attempts == errand->config->stuck_after)
        log_error("wish_stuck", F("kind", kind->name), F("low", item->low), F("high", item->high),
                  F("attempts", item->attempts), F_ERR(errand->result));
    else if (item->attempts == (errand->result == ERR_CONFLICT ? 2 : 1) &&
             errand->result != ERR_XMPP_DOWN) /* is said */
        log_warn("wish_failed", F("kind", kind->name), F("low", item->low), F("high", item->high),
                 F_ERR(errand->result));
}

void errand_free(struct errand *errand)
{
    struct arena *arena = errand->arena;
    arena_free(&arena);
}
