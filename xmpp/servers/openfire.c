/* Openfire, measured with 5.2.0 (component's default rights, no plugin).
 *
 * Accounts are made by XEP-0133. add-user says no in the same way for every reason; authenticate-user tells whether an
 * account has our password. Whether it exists no command tells without prose (get-user-roster shows an empty roster for
 * an account that does not); but a ping to its bare JID is answered at once if it does, and never if not.
 * change-user-password is forbidden to a component unless the server's admin.authorizedJIDs names it.
 *
 * Rosters have no command for writing. A roster set in the user's own name, without `to`, is obeyed; its answer goes to
 * the user, so writes are known by reading back only. `subscription` in it is ignored: subscriptions come from the
 * presences that the two users' clients would send each other. All of it is one go in front of the first step of the
 * read-back; a connection's stanzas are handled in order. */
#include <stddef.h>

#include "xmpp/accounts.h"
#include "xmpp/admin.h"
#include "xmpp/ns.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"

static const struct admin_roster_form roster_form = {"accountjids"};

static const char *missing(const struct xmpp_config *config, const struct server_facts *facts)
{
    (void)config;
    (void)facts;
    return NULL;
}

/* ERR_NOT_FOUND: there is no such account. */
static enum err exists(struct task *task, const char *local)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct batch batch;
    batch_init(&batch, task);
    batch_request(&batch, "get", jid);
    stanza_open(batch.builder, "ping", NS_PING);
    batch_end(&batch);
    batch_barrier(&batch);
    enum err err = batch_send(&batch);
    batch_free(&batch);
    return err;
}

static enum err check(struct task *task, const char *local, struct secret password)
{
    bool done = false;
    enum err err = admin_authenticate_user(task, local, password, &done);
    if (err != OK || done)
        return err;
    err = exists(task, local);
    return err == OK ? ERR_JID_PASSWORD : err;
}

static const struct account_ways ways;

static enum err set_password(struct task *task, const char *local, struct secret password)
{
    return accounts_set_password(task, &ways, local, password);
}

static const struct account_ways ways = {
    .exists = exists,
    .check = check,
    .set_password = set_password,
    .delete_user = admin_delete_user_and_sessions,
};

static enum err create(struct task *task, const char *local, struct secret password)
{
    return accounts_create(task, &ways, local, password);
}

/* Whether a command that said no had an account to say it of. */
static enum err settle(struct task *task, const char *local, enum err err, bool done)
{
    if (err != OK || done)
        return err;
    err = exists(task, local);
    return err == OK ? ERR_XMPP : err;
}

static enum err end_sessions(struct task *task, const char *local)
{
    bool done = false;
    enum err err = admin_end_sessions(task, "accountjids", local, &done);
    return settle(task, local, err, done);
}

static enum err disable(struct task *task, const char *local)
{
    bool done = false;
    enum err err = admin_disable_user(task, local, &done);
    return settle(task, local, err, done);
}

/* The password is as it was. */
static enum err enable(struct task *task, const char *local, struct secret password)
{
    (void)password;
    bool done = false;
    enum err err = admin_reenable_user(task, local, &done);
    return settle(task, local, err, done);
}

static enum err remove_account(struct task *task, const char *local)
{
    return accounts_remove(task, &ways, local);
}

static enum err roster(struct task *task, struct arena *arena, const char *local, struct roster *roster_r)
{
    struct tree *answer = NULL;
    enum err err = admin_get_rosters(task, NULL, &roster_form, &local, 1, &answer, NULL);
    if (err == OK && answer == NULL)
        err = ERR_NOT_FOUND;
    if (err == OK)
        roster_read(admin_roster_query(answer), arena, roster_r);
    tree_free(&answer);
    return err == OK && roster_r->count == 0 ? exists(task, local) : err;
}

static void write_item(struct batch *batch, const struct roster_side *side, bool bind)
{
    char jid[TASK_JID_SIZE];
    if (!side->exists)
        return;
    task_jid(batch->task, side->local, jid);
    batch_iq_as(batch, "set", jid);
    roster_write(batch->builder, &side->item, bind ? NULL : "remove");
    batch_end(batch);
}

/* Each asks and the other agrees. */
static void write_subscriptions(struct batch *batch, const struct roster_side sides[2])
{
    for (size_t i = 0; i < 2; i++) {
        char asker[TASK_JID_SIZE], asked[TASK_JID_SIZE];
        task_jid(batch->task, sides[i].local, asker);
        task_jid(batch->task, sides[1 - i].local, asked);
        batch_presence_as(batch, "subscribe", asker, asked);
        batch_presence_as(batch, "subscribed", asked, asker);
    }
}

/* Each takes back what the other may see, also an account that is about to be deleted. Removing the items alone would
 * end the subscriptions too, but only the side that is removed first would be told that the other is gone. */
static void write_cancellations(struct batch *batch, const struct roster_side sides[2])
{
    for (size_t i = 0; i < 2; i++) {
        char own[TASK_JID_SIZE], other[TASK_JID_SIZE];
        task_jid(batch->task, sides[i].local, own);
        task_jid(batch->task, sides[1 - i].local, other);
        if (sides[1 - i].exists)
            batch_presence_as(batch, "unsubscribed", own, other);
    }
}

/* What a command showed. It shows an empty roster of nobody; whether it is that, is asked where it was not expected. */
static void hand_in(struct readback *readback, size_t side, const struct tree *answer, bool ask)
{
    struct roster roster = {0};
    enum err err = answer != NULL ? OK : ERR_NOT_FOUND;
    if (answer != NULL)
        roster_read(admin_roster_query(answer), readback_arena(readback, side), &roster);
    if (err == OK && roster.count == 0 && ask)
        err = exists(readback->task, readback->sides[side].local);
    readback_hand_in(readback, side, err, &roster);
}

/* Reads the rosters that are the readback's own, after what stands in `before`. */
static enum err read_after(struct readback *readback, struct batch *before)
{
    const char *locals[2] = {NULL, NULL};
    size_t sides[2] = {0, 0}, count = 0;
    for (size_t i = 0; i < 2; i++)
        if (readback_is_own(readback, i)) {
            sides[count] = i;
            locals[count++] = readback->sides[i].local;
        }
    struct tree *answers[2] = {NULL, NULL};
    enum err results[2] = {OK, OK};
    const enum err err = admin_get_rosters(readback->task, before, &roster_form, locals, count, answers, results);
    for (size_t i = 0; i < count; i++)
        if (results[i] == ERR_TOO_LARGE)
            readback_hand_in(readback, sides[i], ERR_TOO_LARGE, NULL);
    for (size_t i = 0; i < count && err == OK; i++) {
        hand_in(readback, sides[i], answers[i], before == NULL);
        tree_free(&answers[i]);
    }
    return err;
}

static enum err read_own(struct readback *readback)
{
    return read_after(readback, NULL);
}

static enum err edit(struct readback *readback, bool bind)
{
    struct batch batch;
    batch_init(&batch, readback->task);
    readback_begin(readback);
    if (!bind)
        write_cancellations(&batch, readback->sides);
    for (size_t i = 0; i < 2; i++)
        write_item(&batch, &readback->sides[i], bind);
    if (bind)
        write_subscriptions(&batch, readback->sides);
    enum err err;
    if (readback_has_own(readback)) {
        err = read_after(readback, &batch);
    } else { /* nothing of it is answered */
        batch_barrier(&batch);
        err = batch_send(&batch);
    }
    readback_written(readback, batch.place);
    batch_free(&batch);
    return err;
}

const struct xmpp_server server_openfire = {
    .name = "openfire",
    .says = "Openfire",
    .revision = 3,
    .account_requests = 2,
    .edit_requests = 2,
    .missing = missing,
    .create = create,
    .remove = remove_account,
    .check = check,
    .exists = exists,
    .set_password = set_password,
    .end_sessions = end_sessions,
    .disable = disable,
    .enable = enable,
    .roster = roster,
    .edit = edit,
    .read_own = read_own,
};
