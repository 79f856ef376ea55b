/* A request as a dialect sees it, whichever transport it came by (HTTP, HTTPS or a line on the TCP port): parameters in
 * order, the way it came, and nothing of libmicrohttpd. It lives in the call's arena. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "component/service/call.h"
#include "http/params.h"

enum transport { TRANSPORT_HTTP, TRANSPORT_HTTPS, TRANSPORT_TCP };
enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_PUT = 4 };

/* The cookie that ties a picture to its reader; HTTP only. */
#define REQUEST_VERIFY_ID_COOKIE "verify_id"
/* The cookie of a session (000) or of a registration in steps (004), each under its dialect's own path; likewise. */
#define REQUEST_SESSION_COOKIE "registrar_session"

struct request {
    enum transport transport;
    bool secure; /* the client came by HTTPS: to here, or to a proxy that is believed (http/proxies.h) */
    enum method method;
    const char *path; /* as sent, without the query */
    /* Query and body (form, multipart or the members of a JSON object) together. Every value is valid UTF-8 without
     * NUL; no name occurs twice. When that does not hold, `params_error` is ERR_INVALID and the list is what was read
     * before the mistake. */
    struct params params;
    enum err params_error;
    size_t query_params;          /* how many of them, the first ones, are the query's */
    const char *verify_id_cookie; /* of REQUEST_VERIFY_ID_COOKIE; NULL without one */
    const char *session_cookie;   /* of REQUEST_SESSION_COOKIE; likewise */
    struct secret bearer;         /* of "Authorization: Bearer" (RFC 6750, 2.1); empty without one */
    const char *accept;           /* the first Accept header; NULL without one */
};

#endif
