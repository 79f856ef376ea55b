#include "component/jobs/errand.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/seal.h"
#include "component/service/login.h"
#include "component/service/names.h"
#include "component/service/points.h"
#include "component/service/services.h"
#include "component/service/waiters.h"

const char *errand_kind_name(enum outbox_kind kind)
{
    switch (kind) {
    case OUTBOX_CREATE_JID:
        return "create_jid";
    case OUTBOX_DELETE_JID:
        return "delete_jid";
    case OUTBOX_PAIR:
        return "pair";
    case OUTBOX_CHECK_JID:
        return "check_jid";
    }
    return "unknown";
}

/* --- loading */

static void set_side(const struct errand *errand, struct roster_side *side, const struct account *own,
                     const struct account *other)
{
    const struct service_settings *settings = &errand->config->services->settings;
    *side = (struct roster_side){
        .local = own->jid_local,
        .exists = own->state != ACCOUNT_CANCELLED,
        .item = {.jid = arena_printf(errand->arena, "%s@%s", other->jid_local, settings->xmpp_domain),
                 .name = name_in_rosters(settings->country, other)},
    };
}

static enum err load_pair(struct pg *pg, struct errand *errand)
{
    struct pair *pair = &errand->pair;
    const enum err err = bindings_load(pg, errand->arena, errand->item.low, errand->item.high, pair);
    if (err != OK)
        return err;
    set_side(errand, &errand->sides[0], &pair->sides[0], &pair->sides[1]);
    set_side(errand, &errand->sides[1], &pair->sides[1], &pair->sides[0]);
    return OK;
}

enum err errand_load(struct pg *pg, struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    if (item->kind == OUTBOX_PAIR)
        return load_pair(pg, errand);
    const enum err err = accounts_get(pg, errand->arena, item->low, &errand->account);
    if (err != OK)
        return err == ERR_NO_SUCH_NAME ? ERR_NOT_FOUND : err;
    switch (item->kind) {
    case OUTBOX_CREATE_JID:
        if (errand->account.state != ACCOUNT_PENDING)
            return ERR_NOT_FOUND;
        /* A second attempt means that the process that had the first one is gone, and its client with it. */
        return item->attempts > 1 || item->age_ms > errand->config->services->settings.register_wait_ms ? ERR_CONFLICT
                                                                                                        : OK;
    case OUTBOX_DELETE_JID:
        return errand->account.state == ACCOUNT_CANCELLED ? OK : ERR_NOT_FOUND;
    default:
        return errand->account.state == ACCOUNT_ACTIVE ? OK : ERR_NOT_FOUND;
    }
}

/* --- running */

static enum err with_password(const struct errand *errand, int64_t deadline_ms,
                              enum err (*act)(struct xmpp *, const char *, struct secret, int64_t))
{
    const struct account *account = &errand->account;
    struct secret password;
    const char *context = arena_printf(errand->arena, "jid:%s", account->jid_local);
    if (unseal(errand->config->services->keyring, errand->arena, context, account->jid_password, &password) != OK) {
        log_error("jid_password_sealed_by_lost_key", F("account", account->id));
        return ERR_INTERNAL;
    }
    return act(errand->config->xmpp, account->jid_local, password, deadline_ms);
}

/* Where no command checks a password, at least whether the JID is there: also one whose user has made his roster too
 * large to be read. */
static enum err look_for_jid(struct errand *errand, int64_t deadline_ms)
{
    struct roster roster;
    const enum err err =
        xmpp_roster(errand->config->xmpp, errand->arena, errand->account.jid_local, &roster, deadline_ms);
    return err == ERR_TOO_LARGE ? OK : err;
}

/* A password that is refused is set again, where the server lets us. */
static enum err mend_password(struct errand *errand, int64_t deadline_ms)
{
    log_warn("jid_password_refused", F("account", errand->account.id));
    const enum err err = with_password(errand, deadline_ms, xmpp_jid_set_password);
    const bool refused = err == ERR_XMPP || err == ERR_UNSUPPORTED || err == ERR_JID_PASSWORD;
    errand->jid_state = refused ? JID_REFUSED : JID_MADE;
    return refused ? OK : err;
}

/* A JID that vanished is made again, but only once it is written down that it had: else a crash in between would leave
 * it without its roster, and nobody would know. */
static enum err check_jid(struct errand *errand, int64_t deadline_ms)
{
    errand->jid_state = JID_MADE;
    if (errand->account.jid_state == JID_VANISHED)
        return with_password(errand, deadline_ms, xmpp_jid_create);
    enum err err = with_password(errand, deadline_ms, xmpp_jid_check);
    if (err == ERR_UNSUPPORTED)
        err = look_for_jid(errand, deadline_ms);
    if (err == ERR_JID_PASSWORD)
        return mend_password(errand, deadline_ms);
    if (err != ERR_NOT_FOUND)
        return err;
    log_warn("jid_vanished", F("account", errand->account.id));
    errand->jid_state = JID_VANISHED;
    return OK;
}

static enum err act(struct errand *errand, int64_t deadline_ms)
{
    struct xmpp *xmpp = errand->config->xmpp;
    switch (errand->item.kind) {
    case OUTBOX_CREATE_JID:
        return with_password(errand, deadline_ms, xmpp_jid_create);
    case OUTBOX_DELETE_JID:
        return xmpp_jid_delete(xmpp, errand->account.jid_local, deadline_ms);
    case OUTBOX_PAIR:
        return errand->pair.wanted ? xmpp_bind(xmpp, errand->arena, errand->sides, deadline_ms)
                                   : xmpp_unbind(xmpp, errand->arena, errand->sides, deadline_ms);
    case OUTBOX_CHECK_JID:
        return check_jid(errand, deadline_ms);
    }
    return ERR_INTERNAL;
}

static void failpoints(const struct errand *errand, bool before)
{
    (void)errand;
    (void)before;
    FAILPOINT(errand->item.kind == OUTBOX_CREATE_JID ? (before ? "create.before" : "create.made") : "");
    FAILPOINT(errand->item.kind == OUTBOX_DELETE_JID ? (before ? "delete.before" : "delete.made") : "");
    FAILPOINT(errand->item.kind == OUTBOX_PAIR ? (before ? "pair.before" : "pair.made") : "");
}

void errand_run(struct errand *errand)
{
    failpoints(errand, true);
    /* what takes longer than the lease could meet its successor */
    errand->result = act(errand, clock_ms() + errand->config->lease_ms / 2);
    if (errand->result ==
        ERR_NOT_FOUND) /* on the server; to errand_record it would mean that there was nothing to do */
        errand->result = ERR_JID_NONE;
    failpoints(errand, false);
}

/* --- recording */

static enum err undo_registration(struct pg *pg, struct errand *errand)
{
    struct session_hash *ended = NULL;
    size_t count = 0; /* a pending account has no sessions */
    const enum err err =
        account_end(errand->config->services, pg, errand->arena, errand->account.id, ACCOUNT_PENDING, &ended, &count);
    return err == OK || err == ERR_NOT_FOUND ? outbox_done(pg, &errand->item) : err;
}

/* An account that ended while its JID was being made or looked at is no error here: the wish to delete the JID waits
 * for this errand's row, or is made again by outbox_done. */
static enum err record_created(struct pg *pg, struct errand *errand)
{
    const enum err err = accounts_activate(pg, errand->account.id);
    if (err == ERR_NOT_FOUND)
        return OK;
    return err == OK ? points_welcome(errand->config->services, pg, errand->arena, &errand->account) : err;
}

static enum err record_checked(struct pg *pg, struct errand *errand)
{
    const int64_t id = errand->account.id;
    const enum err err = accounts_jid_checked(pg, id, errand->jid_state);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    if (errand->jid_state == JID_VANISHED)
        return outbox_add(pg, OUTBOX_CHECK_JID, id, NULL); /* again at once: to make it */
    return errand->account.jid_state == JID_VANISHED ? bindings_reaffirm_all(pg, id) : OK;
}

static enum err record_pair(struct pg *pg, struct errand *errand)
{
    struct roster_sight sights[2];
    for (int i = 0; i < 2; i++) {
        const struct roster_item *seen = &errand->sides[i].seen;
        sights[i] = (struct roster_sight){.present = errand->sides[i].seen_present,
                                          .subscription = (int)seen->subscription,
                                          .nickname = seen->name != NULL ? seen->name : "",
                                          .groups = seen->groups,
                                          .group_count = seen->group_count};
    }
    const struct roster_sight *const both[2] = {&sights[0], &sights[1]};
    const enum err err = bindings_saw(pg, errand->arena, errand->item.low, errand->item.high, both);
    return err == OK ? bindings_settle(pg, errand->item.low, errand->item.high, errand->pair.version) : err;
}

static enum err record_success(struct pg *pg, struct errand *errand)
{
    enum err err = OK;
    switch (errand->item.kind) {
    case OUTBOX_CREATE_JID:
        err = record_created(pg, errand);
        break;
    case OUTBOX_DELETE_JID:
        err = accounts_set_jid_state(pg, errand->account.id, JID_ABSENT);
        break;
    case OUTBOX_PAIR:
        err = record_pair(pg, errand);
        break;
    case OUTBOX_CHECK_JID:
        err = record_checked(pg, errand);
        break;
    }
    return err == OK ? outbox_done(pg, &errand->item) : err;
}

/* A pair whose JID is missing waits for it to be made again. */
static enum err have_sides_checked(struct pg *pg, struct errand *errand)
{
    enum err err = OK;
    for (int i = 0; i < 2 && err == OK; i++)
        if (errand->pair.sides[i].state == ACCOUNT_ACTIVE)
            err = outbox_add(pg, OUTBOX_CHECK_JID, errand->pair.sides[i].id, NULL);
    return err;
}

enum err errand_record(struct pg *pg, struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    switch (errand->result) {
    case OK:
        return record_success(pg, errand);
    case ERR_NOT_FOUND: /* errand_load: nothing to do */
        return outbox_done(pg, item);
    default:
        break;
    }
    if (item->kind == OUTBOX_CREATE_JID)
        return undo_registration(pg, errand);
    if (item->kind == OUTBOX_PAIR && errand->result == ERR_JID_NONE) {
        const enum err err = have_sides_checked(pg, errand);
        if (err != OK)
            return err;
    }
    /* At once when the link is back; but only once, should it be this wish that breaks it. */
    const bool waits_for_link = errand->result == ERR_XMPP_DOWN || errand->result == ERR_SHUTDOWN;
    const int64_t wait_ms =
        waits_for_link && item->attempts == 1
            ? 0
            : backoff_ms(item->attempts, errand->config->backoff_ms, errand->config->backoff_max_ms);
    return outbox_retry(pg, item, wait_ms, err_name(errand->result));
}

void errand_tell(struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    struct waiters *waiters = errand->config->services->runtime.waiters;
    if (item->kind == OUTBOX_CREATE_JID)
        waiters_punch(waiters, WAIT_KEY(WAIT_JID, item->low));
    if (errand->result == OK || errand->result == ERR_NOT_FOUND) {
        metric_add(M_OUTBOX_DONE, errand_kind_name(item->kind), 1);
        if (item->kind == OUTBOX_PAIR)
            waiters_punch(waiters, WAIT_KEY(WAIT_WISH, errand->pair.version));
        return;
    }
    metric_add(M_OUTBOX_FAILED, errand_kind_name(item->kind), 1);
    if ((int64_t)item->attempts == errand->config->stuck_after)
        log_error("wish_stuck", F("kind", errand_kind_name(item->kind)), F("low", item->low), F("high", item->high),
                  F("attempts", item->attempts), F_ERR(errand->result));
    else if (item->attempts == 1 && errand->result != ERR_SHUTDOWN)
        log_warn("wish_failed", F("kind", errand_kind_name(item->kind)), F("low", item->low), F("high", item->high),
                 F_ERR(errand->result));
}
