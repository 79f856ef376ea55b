#include "http/session_cookie.h"

#include <inttypes.h>

#include "component/base/arena.h"

void session_cookie_set(struct reply *reply, const struct request *request, const char *path, struct secret session,
                        int64_t lifetime_ms)
{
    reply_header(reply, "Set-Cookie",
                 arena_printf(reply->arena, "%s=%s; Max-Age=%" PRId64 "; Path=%s; HttpOnly; SameSite=Lax%s",
                              REQUEST_SESSION_COOKIE, secret_expose(session), lifetime_ms / 1000, path,
                              request->secure ? "; Secure" : ""));
}
