/* Dialect 000, `/android/...` (seed 000, dialects.md): form posts, `status` and `id` are numbers. */
#ifndef HTTP_DIALECTS_D000_H
#define HTTP_DIALECTS_D000_H

#include <stdint.h>

#include "http/route.h"

struct arena;

struct d000_settings {
    unsigned country;     /* calling code of its 11-digit numbers */
    int64_t password_max; /* characters */
    int64_t code_digits;  /* the seed's examples have 4 */
    int64_t code_tries;
    int64_t session_lifetime_ms; /* of its cookie */
    const char *xmpp_domain;
};

/* The dialect, in the arena. */
const struct dialect *d000_new(struct arena *arena, const struct d000_settings *settings);

#endif
