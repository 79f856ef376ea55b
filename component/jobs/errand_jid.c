/* The errands about one account's JID: it is made, deleted, or checked. */
#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/jobs/compare.h"
#include "component/jobs/errand_kind.h"
#include "component/service/jid_password.h"
#include "component/service/login.h"
#include "component/service/points.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/bindings.h"
#include "sql/comparisons.h"

enum err errand_load_account(struct pg *pg, struct errand *errand)
{
    const enum err err = accounts_get(pg, errand->arena, errand->item.low, &errand->account);
    return err == ERR_NO_SUCH_NAME ? ERR_NOT_FOUND : err;
}

enum err errand_with_password(const struct errand *errand, struct sealed password, int64_t deadline_ms, jid_call call)
{
    const struct account *account = &errand->account;
    const struct jobs_config *config = errand->config;
    struct secret plain;
    if (jid_password_open(config->services, errand->arena, account->jid_local, password, &plain) == OK)
        return call(config->xmpp, account->jid_local, plain, deadline_ms);
    log_error("jid_password_sealed_by_lost_key", F("account", account->id), F("key", password.key_id));
    return ERR_INTERNAL;
}

static enum err with_password(const struct errand *errand, int64_t deadline_ms, jid_call call)
{
    return errand_with_password(errand, errand->account.jid_password, deadline_ms, call);
}

/* --- making it, which is the second half of a registration */

static enum err load_create(struct pg *pg, struct errand *errand)
{
    const enum err err = errand_load_account(pg, errand);
    if (err != OK)
        return err;
    if (errand->account.state != ACCOUNT_PENDING)
        return ERR_NOT_FOUND;
    /* A second attempt means that the process that had the first one is gone, and its client with it. Where nobody
     * waits the client was told that it is not known whether this was committed: it will ask for the same again. */
    const struct outbox_item *item = &errand->item;
    const struct services *services = errand->config->services;
    const bool late = item->attempts > 1 || item->age_ms > services->settings.register_wait_ms;
    return late || !waiters_wait(services->runtime.waiters, WAIT_KEY(WAIT_JID, item->low)) ? ERR_CONFLICT : OK;
}

static enum err make(struct errand *errand, int64_t deadline_ms)
{
    FAILPOINT("create.before");
    const enum err err = with_password(errand, deadline_ms, xmpp_jid_create);
    FAILPOINT("create.made");
    return err;
}

/* An account that ended while its JID was being made or looked at is no error here: the wish to delete the JID waits
 * for this errand's row, or is made again by outbox_done. */
static enum err created(struct pg *pg, struct errand *errand)
{
    const enum err err = accounts_activate(pg, errand->account.id);
    if (err == ERR_NOT_FOUND)
        return OK;
    return err == OK ? points_welcome(errand->config->services, pg, errand->arena, &errand->account) : err;
}

/* Also when the account could not be loaded. */
static enum err undo_registration(struct pg *pg, struct errand *errand)
{
    struct session_hash *ended = NULL;
    size_t count = 0; /* a pending account has no sessions */
    const enum err err =
        account_end(errand->config->services, pg, errand->arena, errand->item.low, ACCOUNT_PENDING, &ended, &count);
    return err == OK || err == ERR_NOT_FOUND ? outbox_done(pg, &errand->item) : err;
}

static void tell_registration(struct errand *errand)
{
    waiters_punch(errand->config->services->runtime.waiters, WAIT_KEY(WAIT_JID, errand->item.low));
}

const struct errand_kind errand_create_jid = {.name = "create_jid",
                                              .load = load_create,
                                              .run = make,
                                              .done = created,
                                              .failed = undo_registration,
                                              .tell = tell_registration};

/* --- deleting it */

static enum err load_delete(struct pg *pg, struct errand *errand)
{
    const enum err err = errand_load_account(pg, errand);
    return err == OK && errand->account.state != ACCOUNT_CANCELLED ? ERR_NOT_FOUND : err;
}

static enum err delete (struct errand *errand, int64_t deadline_ms) {
    FAILPOINT("delete.before");
    const enum err err = xmpp_jid_delete(errand->config->xmpp, errand->account.jid_local, deadline_ms);
    FAILPOINT("delete.made");
    return err;
}

static enum err deleted(struct pg *pg, struct errand *errand)
{
    return accounts_set_jid_state(pg, errand->account.id, JID_ABSENT);
}

const struct errand_kind errand_delete_jid = {
    .name = "delete_jid", .load = load_delete, .run = delete, .done = deleted};

/* --- checking it */

/* Whether it may be made again. */
static enum err weigh(struct pg *pg, struct errand *errand)
{
    const struct drifted drifted = {.arena = errand->arena, .accounts = &errand->account.id, .count = 1};
    return brake_note(pg, &drifted, &errand->config->reconcile.brake, &errand->brake);
}

/* While the server was told, or is to be told, something else than the account's password, there is nothing to mend. */
static enum err load_check(struct pg *pg, struct errand *errand)
{
    enum err err = errand_load_account(pg, errand);
    if (err == OK)
        err = doors_get(pg, errand->arena, errand->account.id, &errand->door);
    if (err == OK && (errand->account.state != ACCOUNT_ACTIVE || !errand_door_is_usual(errand)))
        return ERR_NOT_FOUND;
    return err == OK && errand->account.jid_state == JID_VANISHED ? weigh(pg, errand) : err;
}

/* A password that is refused is set again, where the server lets us. */
static enum err mend_password(struct errand *errand, int64_t deadline_ms)
{
    log_warn("jid_password_refused", F("account", errand->account.id));
    errand->password_set = true;
    const enum err err = with_password(errand, deadline_ms, xmpp_jid_set_password);
    const bool refused = err == ERR_XMPP || err == ERR_UNSUPPORTED || err == ERR_JID_PASSWORD;
    errand->jid_state = refused ? JID_REFUSED : JID_MADE;
    return refused ? OK : err;
}

static bool is_made_again(const struct errand *errand)
{
    return errand->account.jid_state == JID_VANISHED && errand->brake != BRAKE_ON;
}

/* A JID that vanished is made again, but only once it is written down that it had: else a crash in between would leave
 * it without its roster, and nobody would know. */
static enum err check(struct errand *errand, int64_t deadline_ms)
{
    errand->jid_state = JID_MADE;
    if (is_made_again(errand)) {
        errand->password_set = true;
        return with_password(errand, deadline_ms, xmpp_jid_create);
    }
    enum err err = with_password(errand, deadline_ms, xmpp_jid_check);
    if (err == ERR_UNSUPPORTED) /* no command checks a password: at least whether the JID is there */
        err = xmpp_jid_exists(errand->config->xmpp, errand->account.jid_local, deadline_ms);
    if (err == ERR_JID_PASSWORD)
        return mend_password(errand, deadline_ms);
    if (err != ERR_NOT_FOUND)
        return err;
    log_warn("jid_vanished", F("account", errand->account.id));
    errand->jid_state = JID_VANISHED;
    return OK;
}

static enum err mend_vanished(struct pg *pg, struct errand *errand)
{
    return errand->jid_state == JID_VANISHED ? weigh(pg, errand) : OK;
}

/* Between our looking and this the account may have been banned, or its password replaced. */
static enum err note_password(struct pg *pg, struct errand *errand)
{
    if (!errand->password_set)
        return OK;
    return doors_password_was_set(pg, errand->account.id, &errand->account.jid_password);
}

static enum err checked(struct pg *pg, struct errand *errand)
{
    const int64_t id = errand->account.id;
    enum err err = note_password(pg, errand);
    if (err == OK)
        err = doors_get(pg, errand->arena, id, &errand->door);
    if (err != OK || !errand_door_is_usual(errand))
        return err; /* what was found says nothing about the account */
    err = accounts_jid_checked(pg, id, errand->jid_state);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    if (errand->jid_state == JID_VANISHED)
        return errand->brake == BRAKE_ON ? comparisons_note(pg, id, 0, OUTCOME_HELD, 1)
                                         : outbox_add(pg, OUTBOX_CHECK_JID, id, NULL); /* again at once: to make it */
    if (errand->account.jid_state != JID_VANISHED)
        return OK;
    return is_made_again(errand) ? bindings_reaffirm_all(pg, id) : comparisons_wish(pg, id);
}

static enum err not_checked(struct pg *pg, struct errand *errand)
{
    const enum err err = note_password(pg, errand);
    return err == OK ? errand_retry(pg, errand) : err;
}

static void tell_vanished(struct errand *errand)
{
    if (errand->result == OK && errand->jid_state == JID_VANISHED)
        metric_add(M_RECONCILE_DRIFT, difference_name(DIFFERENCE_VANISHED), 1);
}

const struct errand_kind errand_check_jid = {.name = "check_jid",
                                             .load = load_check,
                                             .run = check,
                                             .mend = mend_vanished,
                                             .done = checked,
                                             .failed = not_checked,
                                             .tell = tell_vanished};
