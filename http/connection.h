/* The connections of one HTTP server: their deadlines, and waiting for them in a TLS handshake.
 *
 * libmicrohttpd only knows a timeout for silence, which a client that sends a byte a second never meets. So each
 * connection has a deadline for what it is at, and a thread of its own looks for those that passed it and shuts their
 * sockets down; libmicrohttpd then sees the end and cleans up. The same thread waits for sockets on behalf of
 * handshakes (handshake.h). */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <stdint.h>

#include "component/base/err.h"
#include "http/peer.h"

struct MHD_Connection;
struct connections;
struct connection;

enum phase {
    PHASE_HEADERS, /* nothing, or not all headers, of the next request came */
    PHASE_BODY,    /* from the request line to the body's last byte */
    PHASE_CALL,    /* ours to finish: the call has a deadline of its own */
    PHASE_SEND,    /* the reply is being sent */
    PHASE_COUNT
};

struct connection_timeouts {
    int64_t headers_ms;
    int64_t body_ms;
    int64_t send_ms;
};

MUST_CHECK enum err connections_start(const struct connection_timeouts *timeouts, struct connections **connections_r);
/* Joins the thread: no socket is shut down afterwards, no connection waits or will. */
void connections_stop(struct connections *connections);
/* After connections_stop; no connection may be left. */
void connections_free(struct connections **connections);

/* `fd` stays libmicrohttpd's and must not be closed before connection_close. The caller owns the connection. */
struct connection *connection_open(struct connections *connections, struct MHD_Connection *mhd, int fd,
                                   struct peer_key peer);
void connection_close(struct connection **connection);
struct peer_key connection_peer(const struct connection *connection);
int connection_fd(const struct connection *connection);

/* On the connection's own thread only, in the order of enum phase. The request line starts the clock of PHASE_BODY, but
 * until the headers are complete the one of PHASE_HEADERS runs as well. */
void connection_request_line(struct connection *connection);
void connection_enter(struct connection *connection, enum phase phase);
/* On the connection's own thread, inside libmicrohttpd's reading of it: suspends the connection until its socket can be
 * read or was shut down. */
void connection_wait(struct connection *connection);
/* Shuts the socket down at once; `reason` is static, for the metric. */
void connection_cut(struct connection *connection, const char *reason);

#endif
