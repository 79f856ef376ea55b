/* Messages to users. */
#ifndef XMPP_MESSAGES_H
#define XMPP_MESSAGES_H

#include "component/base/err.h"
#include "xmpp/task.h"
#include "xmpp/xmpp.h"

/* As xmpp_send_message. */
MUST_CHECK enum err message_send(struct task *task, const struct xmpp_message *message);

#endif
