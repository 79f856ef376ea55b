/* Roster items (RFC 6121, 2) as stanzas have them and as xmpp.h has them. */
#ifndef XMPP_ROSTERS_H
#define XMPP_ROSTERS_H

#include <stdbool.h>

#include "component/base/err.h"
#include "xmpp/element.h"
#include "xmpp/stanza.h"
#include "xmpp/xmpp.h"

/* The query of a roster set with one item, into the iq that is open. `subscription` NULL leaves the attribute out;
 * "remove" leaves out name and groups. */
void roster_write(struct stanza_builder *builder, const struct roster_item *item, const char *subscription);
/* That of the name; none of another, or when it is not given (RFC 6121, 2.1.2.5). */
enum xmpp_subscription roster_subscription(const char *name);
/* A roster query, copied to the arena. */
void roster_read(const struct element *query, struct arena *arena, struct roster *roster_r);
/* What the roster shows for the side's item goes to the side's `seen`, copied to the arena. */
void roster_look(const struct roster *roster, struct arena *arena, struct roster_side *side);
/* What was seen is what is wanted: bound, with subscription both, the same name and the same set of groups; or not
 * there. A side that does not exist is always right. */
bool roster_side_is(const struct roster_side *side, bool bound);

#endif
