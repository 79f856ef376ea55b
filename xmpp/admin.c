/* Each command is one row: its node and its form. */
#include "xmpp/admin.h"

#include <string.h>

#include "xmpp/ns.h"

#define NODE(command) NS_ADMIN "#" command

static struct adhoc_call call_for(const char *node, const char *field, const char *jid)
{
    return (struct adhoc_call){.node = node, .form_type = NS_ADMIN, .fields = {{field, secret_of_cstr(jid)}}};
}

static enum err run_one(struct task *task, struct adhoc_call *call, bool *done_r)
{
    enum err err = adhoc_run(task, NULL, call, 1);
    *done_r = err == OK && !call->refused;
    adhoc_call_free(call);
    return err;
}

enum err admin_add_user(struct task *task, const char *local, struct secret password, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("add-user"), "accountjid", jid);
    call.fields[1] = (struct adhoc_field){"password", password};
    call.fields[2] = (struct adhoc_field){"password-verify", password};
    return run_one(task, &call, done_r);
}

enum err admin_change_password(struct task *task, const char *local, struct secret password, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("change-user-password"), "accountjid", jid);
    call.fields[1] = (struct adhoc_field){"password", password};
    return run_one(task, &call, done_r);
}

enum err admin_authenticate_user(struct task *task, const char *local, struct secret password, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("authenticate-user"), "accountjid", jid);
    call.fields[1] = (struct adhoc_field){"password", password};
    return run_one(task, &call, done_r);
}

enum err admin_delete_user(struct task *task, const char *local, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("delete-user"), "accountjids", jid);
    return run_one(task, &call, done_r);
}

/* The command, and then, in the same go, the end of the account's sessions. */
static enum err run_and_end_sessions(struct task *task, const char *node, const char *local, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call calls[2] = {call_for(node, "accountjids", jid),
                                  call_for(NODE("end-user-session"), "accountjids", jid)};
    enum err err = adhoc_run(task, NULL, calls, 2);
    *done_r = err == OK && !calls[0].refused;
    adhoc_call_free(&calls[0]);
    adhoc_call_free(&calls[1]);
    return err;
}

enum err admin_delete_user_and_sessions(struct task *task, const char *local, bool *done_r)
{
    return run_and_end_sessions(task, NODE("delete-user"), local, done_r);
}

enum err admin_disable_user(struct task *task, const char *local, bool *done_r)
{
    return run_and_end_sessions(task, NODE("disable-user"), local, done_r);
}

enum err admin_end_sessions(struct task *task, const char *field, const char *local, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("end-user-session"), field, jid);
    return run_one(task, &call, done_r);
}

enum err admin_reenable_user(struct task *task, const char *local, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("reenable-user"), "accountjids", jid);
    return run_one(task, &call, done_r);
}

enum err admin_get_statistics(struct task *task, const char *local, bool *done_r)
{
    char jid[TASK_JID_SIZE];
    task_jid(task, local, jid);
    struct adhoc_call call = call_for(NODE("user-stats"), "accountjid", jid);
    return run_one(task, &call, done_r);
}

const struct element *admin_roster_query(const struct tree *answer)
{
    return element_find(answer->root, NS_ROSTER, "query");
}

enum err admin_get_rosters(struct task *task, struct batch *before, const struct admin_roster_form *form,
                           const char *const *locals, size_t count, struct tree **rosters_r, enum err *results_r)
{
    char jids[2][TASK_JID_SIZE];
    struct adhoc_call calls[2];
    for (size_t i = 0; i < count; i++) {
        task_jid(task, locals[i], jids[i]);
        calls[i] = call_for(NODE("get-user-roster"), form->field, jids[i]);
    }
    enum err err = adhoc_run(task, before, calls, count);
    for (size_t i = 0; i < count && err == OK; i++)
        if (!calls[i].refused && admin_roster_query(calls[i].answer) == NULL)
            err = ERR_XMPP; /* neither a roster nor a refusal */
    for (size_t i = 0; i < count; i++) {
        if (results_r != NULL)
            results_r[i] = calls[i].result;
        bool wanted = err == OK && !calls[i].refused;
        rosters_r[i] = wanted ? calls[i].answer : NULL;
        if (!wanted)
            adhoc_call_free(&calls[i]);
    }
    return err;
}
