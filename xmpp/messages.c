/* Nothing answers a message, so that a ping follows it: a server handles a connection's stanzas in order, and has the
 * message when it answers the ping. */
#include "xmpp/messages.h"

#include "xmpp/ns.h"

enum err message_send(struct task *task, const struct xmpp_message *message)
{
    struct batch batch;
    char to[TASK_JID_SIZE];
    task_jid(task, message->local, to);
    batch_init(&batch, task);
    batch_message(&batch, "chat", to, message->id);
    for (size_t i = 0; i < XMPP_MESSAGE_BODIES && message->bodies[i].text != NULL; i++) {
        stanza_open(batch.builder, "body", NULL);
        stanza_attribute(batch.builder, "xml:lang", message->bodies[i].lang);
        stanza_text(batch.builder, message->bodies[i].text);
        stanza_close(batch.builder);
    }
    stanza_open(batch.builder, "x", NS_OOB);
    stanza_open(batch.builder, "url", NULL);
    stanza_text(batch.builder, message->uri);
    batch_end(&batch);
    batch_barrier(&batch);
    const enum err err = batch_send(&batch);
    batch_free(&batch);
    return err;
}
