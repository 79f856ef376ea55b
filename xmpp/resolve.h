/* Host names to addresses with a deadline. getaddrinfo can block for as long as it likes and cannot be stopped, so it
 * runs on a thread of its own, at most one at a time: a lookup that is still running when the next one is wanted is
 * waited for again, and one that nobody wants any more frees itself when it ends. */
#ifndef XMPP_RESOLVE_H
#define XMPP_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "component/base/err.h"

struct resolver;

/* For one host and port; `host` must outlive it. */
struct resolver *resolver_new(const char *host, uint16_t port);
void resolver_free(struct resolver **resolver);
/* Stream addresses, freshly looked up, to be freed with freeaddrinfo. Waits until deadline_ms or until wake_fd becomes
 * readable. ERR_TIMEOUT; ERR_SHUTDOWN when woken; ERR_XMPP_DOWN when there are none, *reason_r says why (static). */
MUST_CHECK enum err resolver_lookup(struct resolver *resolver, int wake_fd, int64_t deadline_ms,
                                    struct addrinfo **addresses_r, const char **reason_r);

#endif
