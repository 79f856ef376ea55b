/* Signatures of dialect 003: `param_sign` on requests and `sign` in replies (dialects.md, 003).
 *
 * HMAC-SHA-256 in lower-case hex over the path, a newline, and the other members as name=value, both percent-encoded
 * (RFC 3986), sorted by encoded name and joined by "&". The key is an application's secret, chosen by app_id, or a
 * backend's. */
#ifndef HTTP_SIGNATURE_H
#define HTTP_SIGNATURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "http/params.h"

struct arena;

struct app_secret {
    const char *id;
    struct secret key;
};
struct app_secrets {
    const struct app_secret *list;
    size_t count;
};

/* "app_id:secret" entries, separated by commas; the arena's. ERR_INVALID: malformed, or an id twice. Empty text gives
 * none. */
MUST_CHECK enum err app_secrets_parse(struct arena *arena, struct secret text, struct app_secrets *secrets_r);

struct signature {
    bool application; /* signed with an application's secret */
    bool backend;     /* signed with a backend's */
    const char *id;   /* whose; NULL when the request was not signed */
};

/* Checks a request's param_sign. Not signed: OK with an empty signature. ERR_SIGN: wrong, or by nobody we know. Without
 * an app_id the first application's and the first backend's secrets are tried. */
MUST_CHECK enum err signature_check(struct arena *arena, const struct app_secrets *applications,
                                    const struct app_secrets *backends, const char *path, const struct params *params,
                                    struct signature *signature_r);

/* Adds the member `sign` to a reply, with the first application's secret; "" without one. */
void signature_add(struct arena *arena, const struct app_secrets *applications, const char *path, json_t *reply);

#endif
