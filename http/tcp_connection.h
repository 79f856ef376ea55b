/* One connection of the TCP port: lines in, lines out. All on the TCP thread, except that a call may finish anywhere.
 */
#ifndef HTTP_TCP_CONNECTION_H
#define HTTP_TCP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/buf.h"
#include "http/dispatch.h"
#include "http/peer.h"
#include "http/tcp_tls.h"

struct tcp_connection {
    struct tcp_connection *next, *previous; /* the server's list */
    struct tcp_connection *next_finished;   /* the server's list of finished calls */
    bool finished;                          /* in that list */
    struct tcp_port *port;
    struct stream *stream;
    int fd;
    uint32_t events; /* that epoll watches */
    struct peer_key peer;
    struct buf in;  /* bytes of lines that were not served yet */
    struct buf out; /* replies that were not sent yet, from `sent` on */
    size_t sent;
    struct dispatch *dispatch; /* of the call that is out; NULL when none is */
    struct arena *arena;       /* its */
    bool ended;                /* the client sends no more */
    bool refused;              /* we read no more: a line was no line of ours */
    bool broken;               /* to be closed at once */
    bool active;               /* a call is out, or a reply not sent */
    int64_t deadline_ms;
};

/* What a connection needs from its server. */
struct tcp_port {
    const struct router *router;
    struct match fallback; /* whose failure answers a line that has no route */
    struct services *services;
    size_t line_limit;
    int64_t idle_timeout_ms;
    int64_t call_timeout_ms;
    bool quiescing;
    void (*finished)(struct call *call); /* on any thread; call->owner is the connection */
};

/* Takes the stream. The caller owns the connection. */
struct tcp_connection *tcp_connection_new(struct tcp_port *port, struct stream *stream, int fd, struct peer_key peer);
/* No call may be out. */
void tcp_connection_free(struct tcp_connection **connection);

/* Does what can be done without waiting: reads, answers whole lines in order until a call leaves the thread, sends.
 * Afterwards the connection may be done (tcp_connection_done). */
void tcp_connection_progress(struct tcp_connection *connection);
/* The call that was out has finished: answers it and goes on. */
void tcp_connection_resume(struct tcp_connection *connection);
/* Whether nothing more can come of it. A call may still be out. */
bool tcp_connection_done(const struct tcp_connection *connection);
/* What to wait for, as epoll events. */
uint32_t tcp_connection_events(const struct tcp_connection *connection);

#endif
