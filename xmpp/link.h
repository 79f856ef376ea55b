/* The link: one thread that owns the connection, the stream and the clockwork of staying connected.
 *
 * It connects, and reconnects for ever with backoff and jitter; it pings a silent server, and drops a link on which the
 * ping, or what we write, makes no progress. Each link that was made has a number, its generation: who works with a
 * server that was proved on one link does not go on, unknowing, on the next. Other threads hand over bytes and wait for
 * answers; they never touch the connection. What is queued is bounded. What was asked on a link that broke fails with
 * ERR_XMPP_DOWN; only what was posted goes over to the next. */
#ifndef XMPP_LINK_H
#define XMPP_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/pending.h"

struct buf;
struct link;
struct xmpp_config;

struct link_handlers {
    /* Stanzas that answer nothing we wait for, on the link's thread; what is appended to `reply` is sent. */
    void (*received)(void *arg, const struct element *stanza, struct buf *reply);
    /* The link came up or went down, on the link's thread. */
    void (*changed)(void *arg, bool up);
    void *arg;
};

struct link_status {
    bool up;
    uint64_t generation; /* of the newest link; 0 before the first */
    char reason[96];     /* why it is down, or why the one before broke */
};

/* The config must outlive it. ERR_INTERNAL: no thread or descriptor. */
MUST_CHECK enum err link_start(const struct xmpp_config *config, const struct link_handlers *handlers,
                               struct link **link_r);
/* Fails what waits and refuses what comes with ERR_SHUTDOWN; the connection stays, late answers are still handled. */
void link_refuse(struct link *link);
/* Also ends the stream, joins and frees. No other call may be under way. */
void link_close(struct link **link);
void link_status(struct link *link, struct link_status *status_r);
/* Says that the link of that generation is of use: when it breaks, the next one is tried soon. Without it that holds
 * for links that lived for a while, so that a server that ends every link at once is not tried ever faster. */
void link_praise(struct link *link, uint64_t generation);
/* Ends the link of that generation, when it is up still; the next one is not tried soon. `reason` is static. */
void link_drop(struct link *link, uint64_t generation, const char *reason);

/* A fresh request id. */
void link_id(struct link *link, char id_r[REQUEST_ID_SIZE]);
/* Sends the text on the link of that generation and waits for the exchange's answers. As pending_wait; and
 * ERR_XMPP_DOWN when that link is gone, ERR_BUSY when too much is queued: then nothing was sent. */
MUST_CHECK enum err link_call(struct link *link, uint64_t generation, const struct buf *text, struct exchange *exchange,
                              int64_t deadline_ms);
/* Sends the text on the link of that generation; no answer is awaited. ERR_XMPP_DOWN; ERR_BUSY when half of what may be
 * queued is: strangers' answers leave room for our requests. */
MUST_CHECK enum err link_send(struct link *link, uint64_t generation, const struct buf *text);
/* Counts what link_call has sent: what has a higher place comes to the server later. For who wants to know what had
 * been sent when: a request that is sent after this was read has a higher place. */
const atomic_uint_least64_t *link_places(const struct link *link);
/* A place of its own for what was done beside the link, and is over. */
uint64_t link_pass(struct link *link);
/* Sends what no answer is awaited for, on whatever link is up; kept for the next one when there is none. What does not
 * fit (32 KiB are kept) is dropped. */
void link_post(struct link *link, const struct buf *text);
/* True at most once in ten seconds, and less often while it goes on (said.h): for log lines that a server could cause
 * in any number. */
bool link_may_log(struct link *link);

#endif
