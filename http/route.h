/* What a dialect is to the server: a name, a table of routes, and the body it wants under an HTTP status of ours.
 *
 * A dialect does two pure things: `decode` turns a request into the input of a service's operation (in call->io, in
 * call->arena), and `render` turns the finished call into a reply. It never sees libmicrohttpd, SQL, Redis or a stanza.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/reply.h"
#include "http/request.h"

struct dialect;

enum transports { OVER_HTTP = 1, OVER_TCP = 2 };
enum bodies { TAKES_FORMS = 1, TAKES_JSON = 2 };

struct route {
    const char *path;
    unsigned methods;    /* METHOD_* */
    unsigned transports; /* OVER_*; OVER_HTTP is both HTTP and HTTPS */
    const struct op *op; /* run unless decode fails */
    /* Fills call->io. An error is rendered as the call's result. */
    enum err (*decode)(const struct dialect *dialect, const struct request *request, struct call *call);
    /* Fills the reply from call->result and call->io (which is NULL when decoding failed before making it). */
    void (*render)(const struct dialect *dialect, const struct request *request, const struct call *call,
                   struct reply *reply);
};

struct dialect {
    const char *name; /* "003" */
    const struct route *routes;
    size_t route_count;
    unsigned bodies;    /* TAKES_*: other bodies are 415; 0: all are taken */
    const void *config; /* the dialect's own, made in main */
    /* The body that goes with an HTTP status which the server itself answers on one of this dialect's paths: 413, 415
     * (err is ERR_TOO_LARGE, ERR_INVALID) and 503 (ERR_BUSY, ERR_DB_DOWN, ERR_CACHE_DOWN, ERR_SHUTDOWN, ERR_TIMEOUT).
     * route is never NULL. */
    void (*render_failure)(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply);
};

#endif
