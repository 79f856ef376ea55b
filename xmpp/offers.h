/* Commands that somebody above offers to the server's users: a table of them, and the function that gets what is asked.
 * It may be set and taken away while the link is up. */
#ifndef XMPP_OFFERS_H
#define XMPP_OFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "xmpp/element.h"
#include "xmpp/xmpp.h"

struct buf;
struct offers;

/* The config must outlive it. */
struct offers *offers_new(const struct xmpp_config *config);
void offers_free(struct offers **offers);
/* NULL: nothing is offered any more, and when this returns nobody is called any more. */
void offers_set(struct offers *offers, const struct xmpp_offer *offer);
/* A stanza that came on the link of that generation, answered here or by whom it is for. */
void offers_receive(struct offers *offers, uint64_t generation, const struct element *stanza, struct buf *reply);

#endif
