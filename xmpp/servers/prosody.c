/* Prosody, measured with 0.12 of Debian 12: our domain stands in `admins`, mod_privilege is on for the host and for the
 * component, and the component has validate_from_addresses = false.
 *
 * Accounts are made by XEP-0133; an account that exists gets our password again. delete-user is completed with success
 * whether or not there was one, so what counts is the read-back.
 *
 * Rosters go through XEP-0356: a set that is sent to the user, with its subscription, is written, pushed and answered.
 * It moves no presence, though: clients that are online see each other only after a probe in the users' names has made
 * the server send them each other's presence; and after a removal they are told `unavailable` in the name of the other
 * (bare, because nothing tells us resources). Prosody handles a connection's stanzas in order, so it is all one go. */
#include <stddef.h>
#include <string.h>

#include "component/base/log.h"
#include "xmpp/accounts.h"
#include "xmpp/admin.h"
#include "xmpp/link.h"
#include "xmpp/ns.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"

static const struct admin_roster_form roster_form = {"accountjid"};

static const char *missing(const struct xmpp_config *config, const struct server_facts *facts)
{
    (void)config;
    if (!facts->may_read_rosters || !facts->may_write_rosters)
        return "no roster privilege from mod_privilege (XEP-0356)";
    return NULL;
}

/* ERR_NOT_FOUND: there is no such account. The command's answer is short, however large the roster is. */
static enum err exists(struct task *task, const char *local)
{
    bool done = false;
    const enum err err = admin_get_statistics(task, local, &done);
    return err == OK && !done ? ERR_NOT_FOUND : err;
}

static const struct account_ways ways;

static enum err set_password(struct task *task, const char *local, struct secret password)
{
    return accounts_set_password(task, &ways, local, password);
}

static const struct account_ways ways = {
    .exists = exists,
    .set_password = set_password,
    .delete_user = admin_delete_user,
};

static enum err create(struct task *task, const char *local, struct secret password)
{
    return accounts_create(task, &ways, local, password);
}

/* There is no command for it; but changing the password also ends the account's sessions. */
static enum err disable(struct task *task, const char *local)
{
    return accounts_disable(task, &ways, local);
}

static enum err enable(struct task *task, const char *local, struct secret password)
{
    return secret_is_empty(password) ? ERR_INVALID : set_password(task, local, password);
}

static enum err remove_account(struct task *task, const char *local)
{
    return accounts_remove(task, &ways, local);
}

/* By command, because a privileged get shows an empty roster for an account that does not exist. */
static enum err roster(struct task *task, struct arena *arena, const char *local, struct roster *roster_r)
{
    struct tree *answer = NULL;
    enum err err = admin_get_rosters(task, NULL, &roster_form, &local, 1, &answer, NULL);
    if (err == OK && answer == NULL)
        err = ERR_NOT_FOUND;
    if (err == OK)
        roster_read(admin_roster_query(answer), arena, roster_r);
    tree_free(&answer);
    return err;
}

static void write_item(struct batch *batch, const struct roster_side *side, bool bind)
{
    char jid[TASK_JID_SIZE];
    task_jid(batch->task, side->local, jid);
    batch_request(batch, "set", jid);
    roster_write(batch->builder, &side->item, bind ? "both" : "remove");
    batch_end(batch);
}

/* `type` in the name of each for the other, where the one who gets the effect exists. */
static void write_presences(struct batch *batch, const struct roster_side sides[2], bool bind)
{
    for (size_t i = 0; i < 2; i++) {
        char own[TASK_JID_SIZE], other[TASK_JID_SIZE];
        task_jid(batch->task, sides[i].local, own);
        task_jid(batch->task, sides[1 - i].local, other);
        if (bind)
            batch_presence_as(batch, "probe", own, other);
        else if (sides[i].exists)
            batch_presence_as(batch, "unavailable", other, own);
    }
}

static void write_get(struct batch *batch, const char *local)
{
    char jid[TASK_JID_SIZE];
    task_jid(batch->task, local, jid);
    batch_request(batch, "get", jid);
    stanza_open(batch->builder, "query", NS_ROSTER);
    batch_end(batch);
}

/* Removing what is not there is what was wanted. */
static enum err check_written(struct task *task, const struct request *request, bool bind)
{
    if (request_succeeded(request))
        return OK;
    const char *condition = element_error_condition(request->answer->root);
    if (!bind && strcmp(condition, "item-not-found") == 0)
        return OK;
    if (link_may_log(task->link))
        log_warn("xmpp_roster_set_refused", F("condition", condition));
    return strcmp(condition, "service-unavailable") == 0 ? ERR_NOT_FOUND : ERR_XMPP;
}

static enum err read_answer(const struct request *request, struct arena *arena, struct roster *roster_r)
{
    if (request->result != OK)
        return request->result;
    const struct element *query =
        request_succeeded(request) ? element_child(request->answer->root, NS_ROSTER, "query") : NULL;
    if (query == NULL)
        return ERR_XMPP;
    roster_read(query, arena, roster_r);
    return OK;
}

/* All was answered, if not all with something that we read. */
static bool is_answered(enum err err)
{
    return err == OK || err == ERR_TOO_LARGE;
}

/* Gets of the rosters that are the readback's own, and what is answered to them from request number `first` on. */
static void write_gets(const struct readback *readback, struct batch *batch)
{
    for (size_t i = 0; i < 2; i++)
        if (readback_is_own(readback, i))
            write_get(batch, readback->sides[i].local);
}

static void hand_in(struct readback *readback, const struct batch *batch, size_t first)
{
    for (size_t i = 0; i < 2; i++) {
        struct roster roster = {0};
        if (!readback_is_own(readback, i))
            continue;
        const enum err err = read_answer(&batch->requests[first++], readback_arena(readback, i), &roster);
        readback_hand_in(readback, i, err, &roster);
    }
}

/* Sets, presences and gets; the answers come in that order. */
static enum err edit(struct readback *readback, bool bind)
{
    struct batch batch;
    batch_init(&batch, readback->task);
    batch_in_one_go(&batch);
    readback_begin(readback);
    for (size_t i = 0; i < 2; i++)
        if (readback->sides[i].exists)
            write_item(&batch, &readback->sides[i], bind);
    const size_t written = batch.count;
    write_presences(&batch, readback->sides, bind);
    write_gets(readback, &batch);
    enum err err = batch_send(&batch);
    readback_written(readback, batch.place);
    if (is_answered(err))
        hand_in(readback, &batch, written);
    for (size_t i = 0; i < written && err == OK; i++)
        err = check_written(readback->task, &batch.requests[i], bind);
    batch_free(&batch);
    return err;
}

static enum err read_own(struct readback *readback)
{
    struct batch batch;
    batch_init(&batch, readback->task);
    batch_in_one_go(&batch);
    write_gets(readback, &batch);
    const enum err err = batch_send(&batch);
    if (is_answered(err))
        hand_in(readback, &batch, 0);
    batch_free(&batch);
    return err;
}

const struct xmpp_server server_prosody = {
    .name = "prosody",
    .says = "Prosody",
    .revision = 4,
    .account_requests = 1,
    .edit_requests = 1,
    .missing = missing,
    .create = create,
    .remove = remove_account,
    .exists = exists,
    .set_password = set_password,
    .disable = disable,
    .enable = enable,
    .roster = roster,
    .edit = edit,
    .read_own = read_own,
};
