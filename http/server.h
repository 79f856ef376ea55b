/* What the files of the HTTP server share; nobody else includes it. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "http/addresses.h"
#include "http/connection.h"
#include "http/http.h"
#include "http/proxies.h"
#include "http/router.h"

enum {
    BODY_LIMIT = 64 * 1024,
    /* A body that is too long, or belongs to a request that is refused, is read up to here and dropped, so that the
     * client is done sending when the answer comes: closing with unread bytes would reset the connection and could take
     * the answer along. */
    DRAIN_LIMIT = 4 * BODY_LIMIT,
    HEADERS_LIMIT = 8 * 1024,
};

struct http_server {
    struct http_config config;
    struct router *router;
    struct addresses *addresses;
    struct proxies *proxies;
    struct connections *connections;
    struct MHD_Daemon *daemon;
    uint16_t port;
    int listen_fd; /* ours once quiesced */
    atomic_uint active;
    atomic_bool quiescing;
};

/* A request from its line to the end of its reply, on libmicrohttpd's thread; exchange.c. */
struct exchange;

/* `uri` as it was sent, or NULL. */
struct exchange *exchange_open(struct http_server *server, struct MHD_Connection *mhd, const char *uri);
/* libmicrohttpd's access handler: called for the headers, for each piece of the body, at its end, and after a resume.
 */
enum MHD_Result exchange_step(struct exchange *exchange, const char *method, const char *version, const char *data,
                              size_t *size);
void exchange_close(struct exchange **exchange);

#endif
