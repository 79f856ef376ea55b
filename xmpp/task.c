/* A batch with more requests than the task has slots is cut behind requests: the text up to the end of the last one
 * that may be out goes first. Stanzas without an answer belong to the request before them, or to the first. */
#include "xmpp/task.h"

#include <stdio.h>
#include <string.h>

#include "component/base/clock.h"
#include "xmpp/link.h"
#include "xmpp/ns.h"
#include "xmpp/slots.h"
#include "xmpp/xmpp.h"

enum { TEXT_MAX = 256 * 1024 };

void task_jid(const struct task *task, const char *local, char jid_r[TASK_JID_SIZE])
{
    snprintf(jid_r, TASK_JID_SIZE, "%s@%s", local, task->config->domain);
}

void task_let_go(struct task *task)
{
    slots_give(task->shared, task->slots);
    task->slots = 0;
}

enum err task_hold(struct task *task, unsigned wanted)
{
    if (task->slots >= wanted)
        return OK;
    task_let_go(task); /* nobody may wait for more while he holds some */
    return slots_take(task->shared, wanted, task->deadline_ms, &task->slots);
}

void batch_init(struct batch *batch, struct task *task)
{
    memset(batch, 0, sizeof *batch);
    batch->task = task;
    batch->builder = stanza_builder_new();
    buf_init(&batch->text, TEXT_MAX);
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        tree_free(&batch->requests[i].answer);
    stanza_builder_free(&batch->builder);
    buf_free(&batch->text);
}

void batch_request(struct batch *batch, const char *type, const char *to)
{
    if (batch->count == BATCH_REQUESTS_MAX || strlen(to) >= REQUEST_PEER_SIZE) {
        batch->err = ERR_INTERNAL;
        return;
    }
    struct request *request = &batch->requests[batch->count++];
    link_id(batch->task->link, request->id);
    snprintf(request->peer, sizeof request->peer, "%s", to);
    stanza_open_iq(batch->builder, type, batch->task->config->component, to, request->id);
}

void batch_iq_as(struct batch *batch, const char *type, const char *from)
{
    char id[REQUEST_ID_SIZE];
    link_id(batch->task->link, id);
    stanza_open_iq(batch->builder, type, from, NULL, id);
}

void batch_presence_as(struct batch *batch, const char *type, const char *from, const char *to)
{
    stanza_open_presence(batch->builder, type, from, to);
    batch_end(batch);
}

void batch_message(struct batch *batch, const char *type, const char *to, const char *id)
{
    stanza_open(batch->builder, "message", NULL);
    stanza_attribute(batch->builder, "type", type);
    stanza_attribute(batch->builder, "from", batch->task->config->component);
    stanza_attribute(batch->builder, "to", to);
    stanza_attribute(batch->builder, "id", id);
}

void batch_barrier(struct batch *batch)
{
    batch_request(batch, "get", batch->task->config->domain);
    stanza_open(batch->builder, "ping", NS_PING);
    batch_end(batch);
    batch->barrier = true;
    batch_in_one_go(batch);
}

void batch_in_one_go(struct batch *batch)
{
    batch->whole = true;
}

void batch_end(struct batch *batch)
{
    if (batch->err == OK)
        batch->err = stanza_finish(batch->builder, &batch->text);
    if (batch->count > 0)
        batch->ends[batch->count - 1] = batch->text.length;
}

/* Requests from `first` on, at most `count`; what was written of the text so far is sent_r. */
static enum err send_part(struct batch *batch, size_t first, size_t count, size_t *sent)
{
    struct task *task = batch->task;
    size_t end = batch->ends[first + count - 1];
    const struct buf part = {.data = batch->text.data + *sent, .length = end - *sent};
    *sent = end;
    int64_t deadline = clock_ms() + task->config->request_timeout_ms;
    if (deadline > task->deadline_ms)
        deadline = task->deadline_ms;
    struct exchange exchange = {.requests = batch->requests + first, .count = count, .barrier = batch->barrier};
    const enum err err = link_call(task->link, task->generation, &part, &exchange, deadline);
    batch->place = exchange.place;
    return err;
}

enum err batch_send(struct batch *batch)
{
    size_t sent = 0;
    for (size_t first = 0; batch->err == OK && first < batch->count;) {
        size_t count = batch->count - first;
        if (count > batch->task->slots && !batch->whole)
            count = batch->task->slots;
        batch->err = send_part(batch, first, count, &sent);
        first += count;
    }
    return batch->err;
}

struct tree *batch_take(struct batch *batch, size_t number)
{
    struct tree *answer = batch->requests[number].answer;
    batch->requests[number].answer = NULL;
    return answer;
}

bool request_succeeded(const struct request *request)
{
    return request->answer != NULL && element_attribute_is(request->answer->root, "type", "result");
}
