/* Dialect 004, `/client/...` (seed 004, dialects.md): JSON both ways, `code` 1 or 0 with a `message` for the user. */
#ifndef HTTP_DIALECTS_D004_H
#define HTTP_DIALECTS_D004_H

#include <stdint.h>

#include "http/route.h"

struct arena;

struct d004_settings {
    unsigned country;                   /* calling code of numbers given without one */
    int64_t password_min, password_max; /* characters */
    int64_t code_tries;
    int64_t steps_lifetime_ms; /* of the cookie of a registration */
};

/* The dialect, in the arena. */
const struct dialect *d004_new(struct arena *arena, const struct d004_settings *settings);

#endif
