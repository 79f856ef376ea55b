/* Two rounds, each one batch for all calls: the executes, then the completes of those that were answered with a form.
 * In between a call holds the id of its session; once that is empty there is nothing to cancel. */
#include "xmpp/adhoc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "component/base/log.h"
#include "xmpp/link.h"
#include "xmpp/ns.h"
#include "xmpp/slots.h"
#include "xmpp/xmpp.h"

static void open_command(struct stanza_builder *builder, const char *node, const char *action, const char *session)
{
    stanza_open(builder, "command", NS_COMMANDS);
    stanza_attribute(builder, "node", node);
    stanza_attribute(builder, "action", action);
    if (session[0] != '\0')
        stanza_attribute(builder, "sessionid", session);
}

static void add_field(struct stanza_builder *builder, const char *name, struct secret value)
{
    stanza_open(builder, "field", NULL);
    stanza_attribute(builder, "var", name);
    stanza_open(builder, "value", NULL);
    stanza_secret(builder, value);
    stanza_close(builder);
    stanza_close(builder);
}

static void add_execute(struct batch *batch, const struct adhoc_call *call)
{
    batch_request(batch, "set", batch->task->config->domain);
    open_command(batch->builder, call->node, "execute", "");
    batch_end(batch);
}

static void add_complete(struct batch *batch, const struct adhoc_call *call)
{
    batch_request(batch, "set", batch->task->config->domain);
    open_command(batch->builder, call->node, "complete", call->session_);
    stanza_open(batch->builder, "x", NS_DATA);
    stanza_attribute(batch->builder, "type", "submit");
    add_field(batch->builder, "FORM_TYPE", secret_of_cstr(call->form_type));
    for (size_t i = 0; i < ADHOC_FIELDS_MAX && call->fields[i].name != NULL; i++)
        add_field(batch->builder, call->fields[i].name, call->fields[i].value);
    batch_end(batch);
}

static enum err write_cancel(const char *domain, const char *component, const char *node, const char *session,
                             const char *id, struct buf *out)
{
    struct stanza_builder *builder = stanza_builder_new();
    stanza_open_iq(builder, "set", component, domain, id);
    open_command(builder, node, "cancel", session);
    enum err err = stanza_finish(builder, out);
    stanza_builder_free(&builder);
    return err;
}

/* Nobody waits for the answer: stanzas are handled in order, so the session is closed before the next one is opened. */
static void cancel(struct task *task, struct adhoc_call *call)
{
    if (call->session_[0] == '\0')
        return;
    struct buf text;
    buf_init(&text, 4096);
    char id[REQUEST_ID_SIZE];
    link_id(task->link, id);
    if (write_cancel(task->config->domain, task->config->component, call->node, call->session_, id, &text) == OK)
        link_post(task->link, &text);
    buf_free(&text);
    call->session_[0] = '\0';
}

/* The session's id, when there is one that we are ready to send back. */
static void remember_session(struct adhoc_call *call, const struct element *command)
{
    const char *session = command != NULL ? element_attribute_or_empty(command, "sessionid") : "";
    if (strlen(session) <= ADHOC_SESSION_MAX)
        snprintf(call->session_, sizeof call->session_, "%s", session);
}

static enum err error_of(const struct element *iq, bool executing)
{
    static const struct {
        const char *condition;
        enum err on_execute;
        enum err on_complete;
    } table[] = {
        {"forbidden", ERR_FORBIDDEN, ERR_FORBIDDEN},
        {"not-authorized", ERR_FORBIDDEN, ERR_FORBIDDEN},
        {"not-allowed", ERR_BUSY, ERR_XMPP}, /* Openfire: too many sessions; or this one is too old */
        {"resource-constraint", ERR_BUSY, ERR_BUSY},
        {"item-not-found", ERR_UNSUPPORTED, ERR_NOT_FOUND},
        {"service-unavailable", ERR_UNSUPPORTED, ERR_UNSUPPORTED},
        {"feature-not-implemented", ERR_UNSUPPORTED, ERR_UNSUPPORTED},
        {"conflict", ERR_XMPP, ERR_CONFLICT},
    };
    const char *condition = element_error_condition(iq);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(condition, table[i].condition) == 0)
            return executing ? table[i].on_execute : table[i].on_complete;
    return ERR_XMPP;
}

static enum err read_form(struct adhoc_call *call, const struct element *iq)
{
    const struct element *command = element_child(iq, NS_COMMANDS, "command");
    if (element_attribute_is(iq, "type", "error"))
        return error_of(iq, true);
    remember_session(call, command);
    const struct element *form = element_child(command, NS_DATA, "x");
    bool is_form = form != NULL && element_attribute_is(form, "type", "form") &&
                   element_attribute_is(command, "status", "executing") && call->session_[0] != '\0';
    return is_form ? OK : ERR_XMPP;
}

static bool has_error_note(const struct element *command)
{
    const struct element *note = element_child(command, NS_COMMANDS, "note");
    while (note != NULL && !element_attribute_is(note, "type", "error"))
        note = element_next(note, NS_COMMANDS, "note");
    return note != NULL;
}

static enum err read_completion(struct adhoc_call *call, const struct element *iq)
{
    if (element_attribute_is(iq, "type", "error")) {
        enum err err = error_of(iq, false);
        call->refused = err == ERR_CONFLICT || err == ERR_NOT_FOUND;
        return call->refused ? OK : err;
    }
    const struct element *command = element_child(iq, NS_COMMANDS, "command");
    if (command == NULL || !element_attribute_is(command, "status", "completed"))
        return ERR_XMPP;
    call->session_[0] = '\0';
    call->refused = has_error_note(command);
    return OK;
}

static void log_refusal(struct task *task, const struct adhoc_call *call, const struct element *iq, const char *step)
{
    if (call->result == ERR_FORBIDDEN) /* known of some commands; drivers have other ways then */
        log_debug("xmpp_command_forbidden", F("node", call->node), F("step", step));
    else if (call->result == ERR_BUSY && link_may_log(task->link))
        log_error("xmpp_commands_used_up", F("node", call->node), F("condition", element_error_condition(iq)),
                  F("hint", "the server opens no more commands for us; see docs/openfire.md"));
    else if (call->result != OK && link_may_log(task->link))
        log_warn("xmpp_command_failed", F("node", call->node), F("step", step),
                 F("condition", element_error_condition(iq)), F_ERR(call->result));
}

/* Executes what `batch` is given; batch may hold other stanzas in front. */
static void execute(struct batch *batch, struct adhoc_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_execute(batch, &calls[i]);
    unsigned opening = 0;
    enum err sent = slots_take(batch->task->opening, (unsigned)count, batch->task->deadline_ms, &opening);
    if (sent == OK)
        sent = batch_send(batch);
    slots_give(batch->task->opening, opening);
    for (size_t i = 0; i < count; i++) {
        struct tree *answer = batch_take(batch, i);
        enum err own = batch->requests[i].result != OK ? batch->requests[i].result : sent;
        calls[i].result = answer != NULL ? read_form(&calls[i], answer->root) : own;
        if (answer != NULL)
            log_refusal(batch->task, &calls[i], answer->root, "execute");
        tree_free(&answer);
    }
}

static void complete(struct task *task, struct adhoc_call *calls, size_t count)
{
    struct batch batch;
    batch_init(&batch, task);
    size_t which[ADHOC_CALLS_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        if (calls[i].result == OK) {
            which[batch.count] = i;
            add_complete(&batch, &calls[i]);
        }
    enum err sent = batch_send(&batch);
    for (size_t i = 0; i < batch.count; i++) {
        struct adhoc_call *call = &calls[which[i]];
        call->answer = batch_take(&batch, i);
        enum err own = batch.requests[i].result != OK ? batch.requests[i].result : sent;
        call->result = call->answer != NULL ? read_completion(call, call->answer->root) : own;
        if (call->answer != NULL)
            log_refusal(task, call, call->answer->root, "complete");
    }
    batch_free(&batch);
}

static void run_some(struct task *task, struct batch *first, struct adhoc_call *calls, size_t count)
{
    execute(first, calls, count);
    complete(task, calls, count);
    for (size_t i = 0; i < count; i++)
        cancel(task, &calls[i]);
}

enum err adhoc_run(struct task *task, struct batch *before, struct adhoc_call *calls, size_t count)
{
    assert(count <= ADHOC_CALLS_MAX);
    enum err first = OK;
    for (size_t done = 0; done < count;) { /* a session counts from execute to complete: so many at once */
        size_t some = count - done < task->slots ? count - done : task->slots;
        struct batch own;
        batch_init(&own, task);
        run_some(task, done == 0 && before != NULL ? before : &own, calls + done, some);
        batch_free(&own);
        done += some;
    }
    for (size_t i = 0; i < count && first == OK; i++)
        first = calls[i].result;
    return first;
}

void adhoc_call_free(struct adhoc_call *call)
{
    tree_free(&call->answer);
}

bool adhoc_cancel_late(const char *domain, const char *component, const struct element *iq, const char *id,
                       struct buf *reply)
{
    const struct element *command = element_child(iq, NS_COMMANDS, "command");
    if (command == NULL || !element_attribute_is(iq, "from", domain) || !element_attribute_is(iq, "type", "result") ||
        !element_attribute_is(command, "status", "executing"))
        return false;
    const char *session = element_attribute_or_empty(command, "sessionid");
    const char *node = element_attribute_or_empty(command, "node");
    if (session[0] == '\0' || strlen(session) > ADHOC_SESSION_MAX)
        return false;
    return write_cancel(domain, component, node, session, id, reply) == OK;
}
