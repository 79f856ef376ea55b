/* Dialect 003, the register server (seed 003, dialects.md). */
#ifndef HTTP_DIALECTS_D003_H
#define HTTP_DIALECTS_D003_H

#include "component/base/secret.h"
#include "http/route.h"

struct arena;

struct d003_settings {
    unsigned country;            /* calling code of numbers given without one */
    int64_t password_max;        /* characters */
    int64_t picture_lifetime_ms; /* of the picture's cookie */
    const char *xmpp_domain;
    bool sign_required;
    struct secret app_secrets, backend_secrets; /* "app_id:secret, ..." */
};

/* The dialect, in the arena. ERR_INVALID: the secrets are malformed. */
MUST_CHECK enum err d003_new(struct arena *arena, const struct d003_settings *settings,
                             const struct dialect **dialect_r);

#endif
