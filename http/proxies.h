/* Whose X-Forwarded-For and X-Forwarded-Proto are believed: the addresses and networks of reverse proxies.
 *
 * Each proxy appends whom it was called by, so the list is read from its end: from the socket's own address on, as long
 * as the hop is one of ours. The first that is not is the client, whatever stands before it: a client can write that
 * itself. Immutable once made, so thread-safe. */
#ifndef HTTP_PROXIES_H
#define HTTP_PROXIES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "component/base/err.h"
#include "http/peer.h"

struct proxies;

/* `list`: IPv4 and IPv6 addresses, with a prefix's length where a network is meant, separated by commas; "" for none.
 * ERR_INVALID, and nothing is made. */
MUST_CHECK enum err proxies_new(const char *list, struct proxies **proxies_r);
void proxies_free(struct proxies **proxies);
bool proxies_hold(const struct proxies *proxies, const struct sockaddr *address);
/* Who sent the request: the address of the socket, or of whom the proxy there names. `forwarded`: the values of the
 * headers X-Forwarded-For in their order, joined by commas; NULL without one. What is malformed ends the search. */
struct peer_key proxies_client(const struct proxies *proxies, const struct sockaddr *address, const char *forwarded);
/* Whether the socket's other end is a proxy that says its client came by HTTPS. `scheme`: the values of the headers
 * X-Forwarded-Proto, likewise. Only one value, "https" in either case, says so: of several nobody knows whose they are.
 */
bool proxies_say_https(const struct proxies *proxies, const struct sockaddr *address, const char *scheme);

#endif
