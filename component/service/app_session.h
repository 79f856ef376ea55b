/* Sessions of the dialects that have no access token: 000's cookie (256 bits) and the `sec` of 001 and 002 (16 hex
 * digits, one an account and dialect). Only their hashes are kept, each bound to its dialect and, for a sec, to the
 * account. */
#ifndef REGISTRAR_SERVICE_APP_SESSION_H
#define REGISTRAR_SERVICE_APP_SESSION_H

#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "component/service/call.h"
#include "sql/sessions.h"

/* Opens one of an active account (else ERR_NOT_FOUND); a sec ends the one before it. The secret is the arena's. */
MUST_CHECK enum err app_session_open(struct services *services, struct worker *worker, struct arena *arena,
                                     int64_t account_id, enum session_dialect dialect, struct secret *secret_r);
/* ERR_TOKEN unless it is a live session of an account that is not banned. account_id: whose sec it is said to be; 0 for
 * a cookie, whose owner goes out. */
MUST_CHECK enum err app_session_check(struct worker *worker, enum session_dialect dialect, struct secret secret,
                                      int64_t account_id, int64_t *owner_r);
/* Ends it; ERR_TOKEN when there is none. */
MUST_CHECK enum err app_session_close(struct worker *worker, enum session_dialect dialect, struct secret secret,
                                      int64_t account_id);

/* Logging out. ERR_TOKEN when there is no such session. */
struct logout_io {
    enum session_dialect dialect;
    struct secret secret;
    int64_t account_id; /* of a sec; 0 for a cookie */
};
extern const struct op op_logout;

#endif
