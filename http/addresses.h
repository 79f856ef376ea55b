/* How many connections each address holds. Thread-safe. */
#ifndef HTTP_ADDRESSES_H
#define HTTP_ADDRESSES_H

#include <stdbool.h>

#include "http/peer.h"

struct addresses;

/* `limit` connections per address, 0: as many as they like. The caller owns it. */
struct addresses *addresses_new(unsigned limit);
void addresses_free(struct addresses **addresses);

/* Whether the address holds as many as it may. */
bool addresses_full(struct addresses *addresses, struct peer_key key);
/* Counts one more. Each is followed by one addresses_leave. */
void addresses_enter(struct addresses *addresses, struct peer_key key);
void addresses_leave(struct addresses *addresses, struct peer_key key);

#endif
