/* The errand that makes the XMPP server treat a JID as its door says (sql/doors.h): nobody gets in who is banned; who
 * is not banned any more gets in again; and a password that is to be replaced is, once the server has the new one. */
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/jobs/errand_kind.h"
#include "sql/outbox.h"

bool errand_door_is_usual(const struct errand *errand)
{
    return !errand->door.locked && errand->door.next.bytes == NULL;
}

static enum err load(struct pg *pg, struct errand *errand)
{
    enum err err = errand_load_account(pg, errand);
    if (err == OK)
        err = doors_get(pg, errand->arena, errand->item.low, &errand->door);
    if (err != OK)
        return err;
    return errand->account.state == ACCOUNT_ACTIVE && !errand_door_is_usual(errand) ? OK : ERR_NOT_FOUND;
}

static enum err enable(struct errand *errand, int64_t deadline_ms)
{
    const bool replaced = errand->door.next.bytes != NULL;
    return errand_with_password(errand, replaced ? errand->door.next : errand->account.jid_password, deadline_ms,
                                xmpp_jid_enable);
}

/* The component may not change passwords. It is forgotten that it was asked for, but not before it is certain which of
 * the two the server has. */
static enum err look_which(struct errand *errand, int64_t deadline_ms, enum err refusal)
{
    if (errand_with_password(errand, errand->door.next, deadline_ms, xmpp_jid_check) == OK)
        errand->outcome = NEXT_TAKEN; /* from an earlier try */
    else if (errand_with_password(errand, errand->account.jid_password, deadline_ms, xmpp_jid_check) == OK)
        errand->outcome = NEXT_FORBIDDEN;
    else
        return refusal;
    return OK;
}

/* Who came in with the old one goes out: a try that failed half-way set the new one, and is made again from the start.
 */
static enum err replace_password(struct errand *errand, int64_t deadline_ms)
{
    FAILPOINT("rotate.before");
    enum err err = errand_with_password(errand, errand->door.next, deadline_ms, xmpp_jid_set_password);
    FAILPOINT("rotate.set");
    if (err == OK)
        errand->outcome = NEXT_TAKEN;
    else if (err == ERR_UNSUPPORTED || err == ERR_FORBIDDEN)
        err = look_which(errand, deadline_ms, err);
    if (err != OK || errand->outcome != NEXT_TAKEN)
        return err;
    return xmpp_jid_end_sessions(errand->config->xmpp, errand->account.jid_local, deadline_ms);
}

static enum err tell_server(struct errand *errand, int64_t deadline_ms)
{
    if (errand->account.banned)
        return xmpp_jid_disable(errand->config->xmpp, errand->account.jid_local, deadline_ms);
    const enum err err = errand->door.locked ? enable(errand, deadline_ms) : OK;
    return err == OK && errand->door.next.bytes != NULL ? replace_password(errand, deadline_ms) : err;
}

/* A JID that is not there lets nobody in, and will be made with whatever is its password then. */
static enum err run(struct errand *errand, int64_t deadline_ms)
{
    FAILPOINT("door.before");
    enum err err = tell_server(errand, deadline_ms);
    FAILPOINT("door.told");
    errand->jid_state = JID_MADE;
    if (err == ERR_NOT_FOUND) {
        log_warn("jid_vanished", F("account", errand->account.id));
        errand->jid_state = JID_VANISHED;
        errand->outcome = errand->door.next.bytes != NULL ? NEXT_TAKEN : NEXT_WAITS;
        err = OK;
    }
    return err;
}

static enum err done(struct pg *pg, struct errand *errand)
{
    const int64_t id = errand->account.id;
    const struct sealed *next = &errand->door.next;
    if (errand->account.banned)
        return OK;
    enum err err = OK;
    if (errand->outcome == NEXT_TAKEN)
        err = doors_took(pg, id, next);
    else if (errand->outcome == NEXT_FORBIDDEN)
        err = doors_refused(pg, id, next);
    if (err == OK && errand->door.locked)
        err = doors_opened(pg, id);
    if (err == OK)
        err = accounts_jid_checked(pg, id, errand->jid_state);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err; /* it was cancelled meanwhile */
    return errand->jid_state == JID_VANISHED ? outbox_add(pg, OUTBOX_CHECK_JID, id, NULL) : OK;
}

static void tell(struct errand *errand)
{
    const int64_t id = errand->account.id;
    if (errand->result != OK)
        return;
    if (errand->account.banned)
        log_info("jid_disabled", F("account", id));
    else if (errand->door.locked)
        log_info("jid_enabled", F("account", id));
    if (errand->outcome == NEXT_TAKEN)
        log_info("jid_password_replaced", F("account", id));
    else if (errand->outcome == NEXT_FORBIDDEN)
        log_warn("jid_password_not_replaced", F("account", id), F("reason", "the server does not let us"));
}

const struct errand_kind errand_door = {.name = "door", .load = load, .run = run, .done = done, .tell = tell};
