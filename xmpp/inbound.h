/* Answers to what others ask our domain: disco#info and disco#items (XEP-0030), ping (XEP-0199), version (XEP-0092),
 * how to register (XEP-0077), the list of commands (XEP-0050); an error service-unavailable to any other request.
 * Openfire asks for info and version as soon as a component is there. Commands themselves are for others to answer.
 * Answers, messages and presences are never answered (RFC 6120, 8.2.3). Pure: no state, any thread. */
#ifndef XMPP_INBOUND_H
#define XMPP_INBOUND_H

#include <stdbool.h>
#include <stddef.h>

#include "xmpp/element.h"

struct buf;

/* A command that is offered. */
struct command_offer {
    const char *node, *name;
};

struct inbound_config {
    const char *component;
    const char *version;
    const struct command_offer *offers;
    size_t offer_count;                       /* 0: no commands */
    const char *register_text, *register_url; /* what who wishes to register is told; NULL: nothing */
};

/* Appends the answer to `reply`, if one is due. A request without id or from cannot be answered. False: it is a command
 * for us, which whoever offers it is to answer. */
bool inbound_answer(const struct inbound_config *config, const struct element *stanza, struct buf *reply);

#endif
