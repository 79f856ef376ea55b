/* ejabberd, measured with 23.01 of Debian 12: docs/ejabberd.md says what it must permit, and why.
 *
 * Accounts are made by XEP-0133: a JID that exists is a conflict, and success has no note. A command that ejabberd does
 * not expect to fail crashes there, and the crash is logged with all that it was given; so change-user-password, which
 * is given a password, and delete-user are sent for accounts only that were just seen to exist. No command of XEP-0133
 * tells that: the HTTP API's check_account does.
 *
 * Rosters are written by the HTTP API, one side a call. ejabberd writes, pushes, and lets clients that are online see
 * each other, all before it answers. It does so for accounts that do not exist as well; a roster that was written for
 * nobody is taken back. The API's calls are in ejabberd's log with their arguments, so a password goes there only where
 * the operator has permitted check_password (and, as the document says, hides such arguments). */
#include <stddef.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "xmpp/accounts.h"
#include "xmpp/admin.h"
#include "xmpp/http_api.h"
#include "xmpp/link.h"
#include "xmpp/ns.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"
#include "xmpp/servers/ejabberd_json.h"

enum { ECHO_MS = 2000 };

static const char *missing(const struct xmpp_config *config, const struct server_facts *facts)
{
    (void)facts;
    return config->api_url[0] == '\0' ? "ejabberd needs xmpp.api_url, its HTTP API" : NULL;
}

/* ---- calls ---- */

static enum err begin_call(struct http_call *call, const char *command, const struct ejabberd_argument *arguments)
{
    http_call_init(call, command);
    return ejabberd_arguments(arguments, &call->arguments);
}

/* A command whose arguments are an account and, for check_password, its password. */
static enum err begin_about(struct task *task, struct http_call *call, const char *command, const char *local,
                            const char *password)
{
    const struct ejabberd_argument arguments[] = {{"user", local},
                                                  {"host", task->config->domain},
                                                  {password != NULL ? "password" : NULL, password},
                                                  {NULL, NULL}};
    return begin_call(call, command, arguments);
}

/* The API is of no use, in a way that does not pass by itself. */
static bool has_failed(const struct http_call *call)
{
    return call->result == ERR_XMPP_DOWN || call->result == ERR_UNSUPPORTED ||
           (call->result == ERR_FORBIDDEN && !call->asking);
}

static enum err run(struct task *task, struct http_call *calls, size_t count, unsigned at_once)
{
    const enum err err = http_api_run(task->api, calls, count, at_once, task->deadline_ms);
    for (size_t i = 0; i < count; i++) {
        task->api_failed |= has_failed(&calls[i]);
        if (calls[i].result == ERR_XMPP && link_may_log(task->link))
            log_warn("xmpp_api_refused", F("command", calls[i].command));
    }
    return err;
}

static void end_calls(struct http_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        http_call_free(&calls[i]);
}

/* A command that says yes or no. */
static enum err ask(struct task *task, const char *command, const char *local, const char *password, bool *yes_r)
{
    struct http_call call;
    enum err err = begin_about(task, &call, command, local, password);
    if (err == OK)
        err = run(task, &call, 1, 1);
    if (err == OK)
        err = ejabberd_read_code(&call.answer, yes_r);
    http_call_free(&call);
    return err;
}

/* ---- accounts ---- */

static enum err exists(struct task *task, const char *local)
{
    bool yes = false;
    const enum err err = ask(task, "check_account", local, NULL, &yes);
    return err == OK && !yes ? ERR_NOT_FOUND : err;
}

/* ejabberd lets several connections have one component's domain, and gives each stanza for it to one of them by chance.
 * So what we send to ourselves must come back, each time. ERR_CONFLICT when it does not. */
static enum err be_alone(const struct task *task)
{
    struct task own = *task; /* all at once, whatever it has slots for: it is nothing that a server has work with */
    struct batch batch;
    const int64_t deadline_ms = clock_ms() + ECHO_MS;
    if (deadline_ms < own.deadline_ms)
        own.deadline_ms = deadline_ms;
    own.slots = BATCH_REQUESTS_MAX;
    batch_init(&batch, &own);
    for (int i = 0; i < BATCH_REQUESTS_MAX; i++) {
        batch_request(&batch, "get", task->config->component);
        stanza_open(batch.builder, "ping", NS_PING);
        batch_end(&batch);
    }
    const enum err err = batch_send(&batch);
    batch_free(&batch);
    return err == ERR_TIMEOUT ? ERR_CONFLICT : err;
}

/* The password is nobody's and empty. */
static enum err try_api(struct task *task, bool *may_check_passwords_r)
{
    static const char nobody[] = "registrar-selftest";
    struct http_call calls[2];
    bool yes = false;
    enum err err = begin_about(task, &calls[0], "check_account", nobody, NULL);
    const enum err second = begin_about(task, &calls[1], "check_password", nobody, "");
    calls[1].asking = true;
    err = err != OK ? err : second;
    if (err == OK && run(task, calls, 2, 2) != OK)
        err = calls[0].result != OK ? calls[0].result : calls[1].result == ERR_FORBIDDEN ? OK : calls[1].result;
    if (err == OK)
        err = ejabberd_read_code(&calls[0].answer, &yes);
    *may_check_passwords_r = err == OK && calls[1].result == OK;
    end_calls(calls, 2);
    return err;
}

static enum err reach(struct task *task, struct server_facts *facts)
{
    const enum err err = be_alone(task);
    return err == OK ? try_api(task, &facts->may_check_passwords) : err;
}

static enum err check(struct task *task, const char *local, struct secret password)
{
    bool yes = false;
    if (!task->may_check_passwords)
        return ERR_UNSUPPORTED;
    enum err err = ask(task, "check_password", local, secret_expose(password), &yes);
    if (err != OK || yes)
        return err;
    err = exists(task, local);
    return err == OK ? ERR_JID_PASSWORD : err;
}

static const struct account_ways ways;

static enum err set_password(struct task *task, const char *local, struct secret password)
{
    const enum err err = exists(task, local);
    return err == OK ? accounts_set_password(task, &ways, local, password) : err;
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

/* Changing the password leaves them as they are. */
static enum err end_sessions(struct task *task, const char *local)
{
    bool done = false;
    const enum err err = admin_end_sessions(task, "accountjid", local, &done);
    return err == OK && !done ? ERR_XMPP : err;
}

/* There is no command for it. */
static enum err disable(struct task *task, const char *local)
{
    const enum err err = accounts_disable(task, &ways, local);
    return err == OK ? end_sessions(task, local) : err;
}

static enum err enable(struct task *task, const char *local, struct secret password)
{
    return secret_is_empty(password) ? ERR_INVALID : set_password(task, local, password);
}

static enum err remove_account(struct task *task, const char *local)
{
    const enum err err = exists(task, local);
    if (err == ERR_NOT_FOUND)
        return OK;
    return err == OK ? accounts_remove(task, &ways, local) : err;
}

/* ---- rosters ---- */

enum { ROSTER, EXISTS, READS /* of one account */ };

/* Its roster, and whether there is an account at all: an empty roster is shown of anybody. */
static enum err begin_reads(struct task *task, struct http_call reads[READS], const char *local)
{
    const enum err roster = begin_about(task, &reads[ROSTER], "get_roster", local, NULL);
    const enum err there = begin_about(task, &reads[EXISTS], "check_account", local, NULL);
    return roster != OK ? roster : there;
}

static enum err read_existence(const struct http_call reads[READS])
{
    bool yes = false;
    const enum err err = ejabberd_read_code(&reads[EXISTS].answer, &yes);
    return err == OK && !yes ? ERR_NOT_FOUND : err;
}

static enum err read_answers(const struct http_call reads[READS], struct arena *arena, struct roster *roster_r)
{
    enum err err = reads[ROSTER].result != OK ? reads[ROSTER].result : reads[EXISTS].result;
    if (err == OK)
        err = read_existence(reads);
    return err == OK ? ejabberd_read_roster(&reads[ROSTER].answer, arena, roster_r) : err;
}

static enum err roster(struct task *task, struct arena *arena, const char *local, struct roster *roster_r)
{
    struct http_call reads[READS];
    enum err err = begin_reads(task, reads, local);
    if (err == OK)
        err = run(task, reads, READS, task->slots);
    if (err == OK)
        err = read_answers(reads, arena, roster_r);
    end_calls(reads, READS);
    return err;
}

/* add_rosteritem or delete_rosteritem, in the roster of `side`. */
static enum err begin_write(struct task *task, struct arena *arena, struct http_call *call,
                            const struct roster_side *side, bool bind)
{
    const char *groups = "", *jid = side->item.jid;
    const enum err err = bind ? ejabberd_groups(arena, &side->item, &groups) : OK;
    const struct ejabberd_argument arguments[] = {{"localuser", side->local},
                                                  {"localhost", task->config->domain},
                                                  {"user", arena_copy(arena, jid, strcspn(jid, "@"))},
                                                  {"host", task->config->domain},
                                                  {bind ? "nick" : NULL, side->item.name},
                                                  {"group", groups},
                                                  {"subs", "both"},
                                                  {NULL, NULL}};
    const enum err begun = begin_call(call, bind ? "add_rosteritem" : "delete_rosteritem", arguments);
    return err != OK ? err : begun;
}

/* Both at once, or one after the other: removing an item tells the other side's server part `unsubscribe`, which pushes
 * a change of the item there. At the same time as that side's own removal, the clients could get the two the wrong way
 * round, and keep what is gone. */
static enum err write_items(struct task *task, struct arena *arena, const struct roster_side sides[2],
                            const bool chosen[2], bool bind)
{
    struct http_call writes[2];
    size_t count = 0;
    enum err err = OK;
    for (size_t i = 0; i < 2 && err == OK; i++)
        if (chosen[i])
            err = begin_write(task, arena, &writes[count++], &sides[i], bind);
    if (err == OK)
        err = run(task, writes, count, bind ? task->slots : 1);
    for (size_t i = 0; i < count && err == OK; i++) {
        bool yes = false;
        err = ejabberd_read_code(&writes[i].answer, &yes);
        if (err == OK && !yes)
            err = ERR_XMPP;
    }
    end_calls(writes, count);
    return err;
}

/* The rosters that are the readback's own, one call after the other: the clients are just being told what was written,
 * and nothing that they get is to wait for several readings at once. */
static enum err read_own(struct readback *readback)
{
    struct http_call reads[2][READS];
    size_t sides[2] = {0, 0}, count = 0;
    enum err err = OK;
    for (size_t i = 0; i < 2 && err == OK; i++)
        if (readback_is_own(readback, i)) {
            sides[count] = i;
            err = begin_reads(readback->task, reads[count++], readback->sides[i].local);
        }
    if (err == OK && count > 0)
        err = run(readback->task, reads[0], count * READS, 1);
    const bool answered = err == OK || err == ERR_TOO_LARGE; /* if not all with something that we read */
    for (size_t i = 0; i < count && answered; i++) {
        struct roster roster = {0};
        const enum err result = read_answers(reads[i], readback_arena(readback, sides[i]), &roster);
        readback_hand_in(readback, sides[i], result, &roster);
    }
    end_calls(reads[0], count * READS);
    return err;
}

/* What was written for accounts that do not exist. */
static enum err take_back(struct readback *readback)
{
    const bool nobody[2] = {readback->sides[0].exists && readback->results[0] == ERR_NOT_FOUND,
                            readback->sides[1].exists && readback->results[1] == ERR_NOT_FOUND};
    const enum err err = task_hold(readback->task, 1);
    return err == OK ? write_items(readback->task, readback->arena, readback->sides, nobody, false) : err;
}

static enum err edit(struct readback *readback, bool bind)
{
    struct task *task = readback->task;
    const bool exist[2] = {readback->sides[0].exists, readback->sides[1].exists};
    for (size_t i = 0; i < 2; i++)
        roster_item_fit(readback->arena, &readback->sides[i].item, EJABBERD_GROUP_SEPARATOR);
    enum err err = write_items(task, readback->arena, readback->sides, exist, bind);
    readback_written(readback, link_pass(task->link));
    err = readback_end(readback, err);
    if (err != ERR_NOT_FOUND || !bind)
        return err;
    const enum err taken_back = take_back(readback);
    return taken_back == OK ? err : taken_back;
}

const struct xmpp_server server_ejabberd = {
    .name = "ejabberd",
    .says = "ejabberd",
    .revision = 3,
    .unordered = true, /* each connection of the API is served by itself */
    .account_requests = 2,
    .edit_requests = 2,
    .missing = missing,
    .reach = reach,
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
