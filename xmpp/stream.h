/* One component stream (XEP-0114): header, handshake, stanzas, end. A pure state machine over bytes: what to send is
 * appended to a buffer of the caller's, what comes is fed in. One stream a connection; not thread-safe. */
#ifndef XMPP_STREAM_H
#define XMPP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/element.h"

struct buf;
struct stream;

struct stream_config {
    const char *component;                            /* our domain; must outlive the stream, like the secret */
    struct secret secret;                             /* goes out only as the handshake's SHA-1 */
    struct buf *out;                                  /* where what is to be sent is appended */
    void (*received)(void *arg, struct tree *stanza); /* once open; the stanza is the callee's */
    /* A stanza that cannot be taken is not received but skipped; as in parser.h. */
    void (*skipped)(void *arg, const struct element *root, const char *reason);
    void *arg;
};

/* Appends our header to `out`. */
struct stream *stream_new(const struct stream_config *config);
void stream_free(struct stream **stream);
/* Feeds what came. ERR_XMPP: the stream is over, stream_reason says why; nothing may be fed afterwards. */
MUST_CHECK enum err stream_feed(struct stream *stream, const char *bytes, size_t length);
/* The handshake was accepted. */
bool stream_is_open(const struct stream *stream);
/* As parser_unfinished. */
uint64_t stream_unfinished(const struct stream *stream);
/* Appends the end tag, once. What the server still sends may be fed. */
void stream_end(struct stream *stream);
/* Why it is over: the server's stream error ("not-authorized", "conflict"), "closed by the server", or what was
 * refused. Valid until stream_free; "" while it goes on. */
const char *stream_reason(const struct stream *stream);
/* Another has our domain: the server says so, or sent a header without an id, which is how Openfire says it before it
 * hangs up. */
bool stream_conflicts(const struct stream *stream);
/* It is over because of what the server sent was against the rules or over a limit. */
bool stream_refused(const struct stream *stream);

#endif
