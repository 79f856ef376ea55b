/* Dialect v1, `/v1/...`: JSON both ways, an access token of 003's or 004's in the Authorization header, and the HTTP
 * status says what came of it. Claim codes, consent, bindings. */
#ifndef HTTP_DIALECTS_V1_H
#define HTTP_DIALECTS_V1_H

#include "http/route.h"

struct arena;

struct v1_settings {
    unsigned country;        /* calling code of numbers shown without one */
    const char *xmpp_domain; /* of the JIDs */
};

/* The dialect, in the arena. */
const struct dialect *v1_new(struct arena *arena, const struct v1_settings *settings);

#endif
