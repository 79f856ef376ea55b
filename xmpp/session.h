/* One connection from beginning to end: transport, stream, what waits to be written, and the signs of life. Everything
 * is done by the one thread that calls session_turn in a loop. */
#ifndef XMPP_SESSION_H
#define XMPP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/element.h"
#include "xmpp/transport.h"

struct buf;
struct pending;
struct session;

struct session_config {
    const struct xmpp_config *config;
    struct resolver *resolver;
    struct pending *pending; /* gets the answers */
    int wake_fd;             /* an eventfd that ends waiting */
    /* Stanzas that answer nothing; what is appended to `reply` is sent. */
    void (*received)(void *arg, const struct element *stanza, struct buf *reply);
    /* Stanzas that cannot be taken; as in parser.h. Who waits for an answer that is one has been told. */
    void (*skipped)(void *arg, const struct element *root, const char *reason);
    /* Answers that nobody waits for, before they are received; `forged`: from another than was asked. */
    void (*ignored)(void *arg, const struct element *answer, bool forged);
    void *arg;
};

/* Connects and sends the stream's header. As transport_open. */
MUST_CHECK enum err session_open(const struct session_config *config, struct session **session_r,
                                 char reason_r[TRANSPORT_REASON_SIZE]);
void session_close(struct session **session);
/* Writes, waits for something to happen, reads, looks at the clock. False: the connection is over, session_reason says
 * why. */
MUST_CHECK bool session_turn(struct session *session);
/* The handshake was accepted. */
bool session_is_up(const struct session *session);
/* So much is waiting to be written that more should wait elsewhere. */
bool session_is_full(const struct session *session);
/* Queues bytes; the caller looked at session_is_full and brings at most 1 MiB. */
void session_send(struct session *session, const void *bytes, size_t length);
/* Writes what waits and the stream's end, and gives the server a moment to end it too. */
void session_finish(struct session *session);
const char *session_reason(const struct session *session);
/* It is over because of what the server sent. */
bool session_refused(const struct session *session);
/* It is over because another has our domain. */
bool session_conflicts(const struct session *session);
/* It is plain and leaves this machine. */
bool session_is_exposed(const struct session *session);
/* Milliseconds since the connection stood. */
int64_t session_age_ms(const struct session *session);

#endif
