/* Who is at the other end of a socket, as limits see it: an IPv4 address (mapped ones too) or the /64 of an IPv6
 * address, because a /64 is what one customer gets; and the network that is had as easily as an address of it. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <stdint.h>
#include <sys/socket.h>

#include "component/service/call.h"

struct peer_key {
    uint8_t bytes[16]; /* IPv4 mapped into IPv6; the lower half of other IPv6 addresses is zero */
};

/* Any other family than IPv4 and IPv6 is the key of all zeros. */
struct peer_key peer_key(const struct sockaddr *address);
struct peer_address peer_address(struct peer_key key);

#endif
