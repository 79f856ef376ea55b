/* Answers to what others ask our domain: disco#info and disco#items (XEP-0030), ping (XEP-0199), version (XEP-0092); an
 * error service-unavailable to any other request. Openfire asks for info and version as soon as a component is there.
 * Answers, messages and presences are never answered (RFC 6120, 8.2.3). Pure: no state, any thread. */
#ifndef XMPP_INBOUND_H
#define XMPP_INBOUND_H

#include "xmpp/element.h"

struct buf;

struct inbound_config {
    const char *component;
    const char *version;
};

/* Appends the answer to `reply`, if one is due. A request without id or from cannot be answered. */
void inbound_answer(const struct inbound_config *config, const struct element *stanza, struct buf *reply);

#endif
