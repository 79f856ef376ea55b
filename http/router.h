/* From a path to the route that serves it. Paths are compared byte for byte: no percent-decoding, no "..", no trailing
 * slash that may be left out. Immutable once made, so thread-safe. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stddef.h>

#include "component/base/err.h"
#include "http/route.h"

struct router;

struct match {
    const struct dialect *dialect;
    const struct route *route;
};

/* Takes the routes of `dialects` (NULL at the end) that are served over `transports`. Keeps pointers to them.
 * ERR_CONFLICT: two routes answer the same path, method and transport, which is logged. */
MUST_CHECK enum err router_new(const struct dialect *const *dialects, unsigned transports, struct router **router_r);
void router_free(struct router **router);

/* OK, and the route. ERR_NOT_FOUND: no such path. ERR_UNSUPPORTED: it has other methods, which go to *allowed_r; the
 * match is one of those. Method 0 is one that nobody has. */
MUST_CHECK enum err router_find(const struct router *router, const char *path, unsigned method, struct match *match_r,
                                unsigned *allowed_r);
/* The first route of all; false when there is none. */
bool router_first(const struct router *router, struct match *match_r);

#endif
