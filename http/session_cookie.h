/* The cookie that holds a session of ours, as all dialects that have one set it. */
#ifndef HTTP_SESSION_COOKIE_H
#define HTTP_SESSION_COOKIE_H

#include <stdint.h>

#include "component/base/secret.h"
#include "http/reply.h"
#include "http/request.h"

/* REQUEST_SESSION_COOKIE for the paths below `path` (static), not for scripts; where the client came by HTTPS, for
 * HTTPS only. */
void session_cookie_set(struct reply *reply, const struct request *request, const char *path, struct secret session,
                        int64_t lifetime_ms);

#endif
