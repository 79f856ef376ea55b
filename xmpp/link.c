/* The threads meet at one mutex: it guards the queue of bytes to be sent and the state that callers see. Registering an
 * exchange and queueing its bytes is one step under it, and so is going down: an exchange is either refused, or failed
 * with all others when the link breaks. The pending table's own lock is taken inside.
 *
 * The thread moves queued bytes to a buffer of its own, in portions, so that the queue's bound holds back those who
 * write when the server does not read. The eventfd says that the queue or the wish to stop has changed.
 *
 * Time without a sign of life: a link that was silent for ping_interval is pinged; when the answer takes as long again,
 * it is dead. The same holds for bytes that the server does not take. So a dead link is noticed within twice the
 * interval (20 s by default), long before Openfire's idle limit of 6 minutes would be met. */
#include "xmpp/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/secret.h"
#include "xmpp/ns.h"
#include "xmpp/resolve.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/transport.h"
#include "xmpp/xmpp.h"

enum {
    QUEUE_MAX = 1024 * 1024,   /* bytes that callers may have queued */
    OUT_MAX = 4 * 1024 * 1024, /* bytes on their way to the socket: a queue, and what the thread itself adds */
    OUT_PORTION = 128 * 1024,  /* the queue is taken over when less than this is left */
    REPLIES_MAX = 256 * 1024,  /* no more replies are made while this much waits */
    READ_SIZE = 16 * 1024,
    READS_A_TURN = 16,    /* then writing and the clock get their turn */
    END_TIMEOUT_MS = 300, /* for the last bytes and the server's end tag */
    STACK_SIZE = 512 * 1024,
    LONGEST_POLL_MS = 60 * 1000
};

/* What the thread alone has: one connection. */
struct session {
    struct transport *transport;
    struct stream *stream;
    struct buf out;
    size_t sent;    /* of out */
    bool announced; /* the link counts as up */
    bool more;      /* it was not read to the end */
    int64_t opened_ms;
    int64_t heard_ms;     /* when the server last sent anything */
    int64_t progress_ms;  /* when it last took anything, or had nothing to take */
    int64_t ping_sent_ms; /* 0: no ping is out */
    char ping_id[REQUEST_ID_SIZE];
    char reason[TRANSPORT_REASON_SIZE]; /* why it is over */
};

struct link {
    const struct xmpp_config *config;
    struct link_handlers handlers;
    pthread_t thread;
    int wake_fd;
    struct pending *pending;
    struct resolver *resolver;          /* the thread's */
    struct session session;             /* the thread's */
    char logged[TRANSPORT_REASON_SIZE]; /* the thread's: the reason that the log has */

    pthread_mutex_t lock;
    struct buf queue;
    bool refusing;
    bool stopping;
    struct link_status status;
};

/* ---- the thread: what comes in ---- */

static void received(void *arg, struct tree *stanza)
{
    struct link *link = arg;
    struct session *session = &link->session;
    const struct element *root = stanza->root;
    bool answer = element_is(root, NS_COMPONENT, "iq") &&
                  (element_attribute_is(root, "type", "result") || element_attribute_is(root, "type", "error"));
    if (answer && session->ping_sent_ms != 0 && element_attribute_is(root, "id", session->ping_id)) {
        session->ping_sent_ms = 0; /* an error is a sign of life too */
        tree_free(&stanza);
        return;
    }
    if (answer && pending_answer(link->pending, stanza))
        return;
    struct buf none;
    buf_init(&none, 0);
    bool room = session->out.length - session->sent < REPLIES_MAX;
    link->handlers.received(link->handlers.arg, root, room ? &session->out : &none);
    tree_free(&stanza);
}

/* False: the session is over. */
static bool read_some(struct link *link)
{
    struct session *session = &link->session;
    char bytes[READ_SIZE];
    session->more = false;
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t length = 0;
        enum transport_result result = transport_read(session->transport, bytes, sizeof bytes, &length);
        if (result == TRANSPORT_AGAIN)
            return true;
        if (result == TRANSPORT_BROKEN) {
            snprintf(session->reason, sizeof session->reason, "%s", transport_reason(session->transport));
            return false;
        }
        session->heard_ms = clock_ms();
        if (stream_feed(session->stream, bytes, length) != OK) {
            snprintf(session->reason, sizeof session->reason, "%s", stream_reason(session->stream));
            return false;
        }
    }
    session->more = true; /* TLS may hold it already, where poll does not see it */
    return true;
}

/* ---- the thread: what goes out ---- */

static void take_queue(struct link *link)
{
    struct session *session = &link->session;
    if (!session->announced || session->out.length - session->sent > OUT_PORTION)
        return;
    pthread_mutex_lock(&link->lock);
    buf_append(&session->out, link->queue.data, link->queue.length);
    if (link->queue.length > 0)
        secret_wipe(link->queue.data, link->queue.length); /* passwords go through */
    buf_clear(&link->queue);
    pthread_mutex_unlock(&link->lock);
}

static bool write_some(struct link *link)
{
    struct session *session = &link->session;
    while (session->sent < session->out.length) {
        size_t written = 0;
        enum transport_result result = transport_write(session->transport, session->out.data + session->sent,
                                                       session->out.length - session->sent, &written);
        if (result == TRANSPORT_AGAIN)
            return true;
        if (result == TRANSPORT_BROKEN) {
            snprintf(session->reason, sizeof session->reason, "%s", transport_reason(session->transport));
            return false;
        }
        session->sent += written;
        session->progress_ms = clock_ms();
    }
    if (session->out.length > 0)
        secret_wipe(session->out.data, session->out.length);
    buf_clear(&session->out);
    session->sent = 0;
    session->progress_ms = clock_ms();
    return true;
}

static void send_ping(struct link *link, int64_t now)
{
    struct session *session = &link->session;
    struct stanza_builder *builder = stanza_builder_new();
    pending_id(link->pending, session->ping_id);
    stanza_open_iq(builder, "get", link->config->component, link->config->domain, session->ping_id);
    stanza_open(builder, "ping", NS_PING);
    if (stanza_finish(builder, &session->out) == OK)
        session->ping_sent_ms = now;
    stanza_builder_free(&builder);
}

/* Looks at the clock. False: the link is dead. */
static bool keep_alive(struct link *link)
{
    struct session *session = &link->session;
    int64_t now = clock_ms();
    int64_t interval = link->config->ping_interval_ms;
    const char *dead = NULL;
    if (!session->announced)
        dead = now >= session->opened_ms + link->config->connect_timeout_ms ? "no handshake in time" : NULL;
    else if (session->ping_sent_ms != 0 && now >= session->ping_sent_ms + interval)
        dead = "a ping was not answered";
    else if (session->sent < session->out.length && now >= session->progress_ms + 2 * interval)
        dead = "the server takes no data";
    else if (session->ping_sent_ms == 0 && now >= session->heard_ms + interval)
        send_ping(link, now);
    if (dead != NULL)
        snprintf(session->reason, sizeof session->reason, "%s", dead);
    return dead == NULL;
}

/* When keep_alive has to look again. */
static int64_t next_look(const struct link *link)
{
    const struct session *session = &link->session;
    int64_t interval = link->config->ping_interval_ms;
    if (!session->announced)
        return session->opened_ms + link->config->connect_timeout_ms;
    int64_t next = session->ping_sent_ms != 0 ? session->ping_sent_ms + interval : session->heard_ms + interval;
    if (session->sent < session->out.length && session->progress_ms + 2 * interval < next)
        next = session->progress_ms + 2 * interval;
    return next;
}

/* ---- the thread: up and down ---- */

static bool is_stopping(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool stopping = link->stopping;
    pthread_mutex_unlock(&link->lock);
    return stopping;
}

static void announce_up(struct link *link)
{
    struct session *session = &link->session;
    session->announced = true;
    pthread_mutex_lock(&link->lock);
    link->status.up = true;
    link->status.generation++;
    uint64_t generation = link->status.generation;
    pthread_mutex_unlock(&link->lock);
    metric_set(M_XMPP_UP, "", 1);
    metric_add(M_XMPP_RECONNECTS, "", 1);
    link->logged[0] = '\0';
    log_info("xmpp_link_up", F("host", link->config->host), F("port", link->config->port), F("link", generation),
             F("took_ms", clock_ms() - session->opened_ms));
    link->handlers.changed(link->handlers.arg, true);
}

static void announce_down(struct link *link)
{
    struct session *session = &link->session;
    pthread_mutex_lock(&link->lock);
    link->status.up = false;
    snprintf(link->status.reason, sizeof link->status.reason, "%s", session->reason);
    if (link->queue.length > 0)
        secret_wipe(link->queue.data, link->queue.length);
    buf_clear(&link->queue);
    bool stopping = link->stopping;
    pthread_mutex_unlock(&link->lock);
    if (session->announced) {
        pending_fail(link->pending, ERR_XMPP_DOWN);
        metric_set(M_XMPP_UP, "", 0);
        link->handlers.changed(link->handlers.arg, false);
    }
    if (!stopping && strcmp(link->logged, session->reason) != 0) { /* once a reason, not once an attempt */
        snprintf(link->logged, sizeof link->logged, "%s", session->reason);
        log_warn("xmpp_link_down", F("host", link->config->host), F("port", link->config->port),
                 F("reason", session->reason));
    }
}

/* ---- the thread: one connection from beginning to end ---- */

static void drain_wake(struct link *link)
{
    eventfd_t value;
    (void)eventfd_read(link->wake_fd, &value);
}

static void wait_for_something(struct link *link)
{
    struct session *session = &link->session;
    bool writing = session->sent < session->out.length;
    struct pollfd fds[2] = {
        {.fd = transport_fd(session->transport), .events = transport_events(session->transport, writing)},
        {.fd = link->wake_fd, .events = POLLIN}};
    (void)poll(fds, 2, session->more ? 0 : clock_left(next_look(link), LONGEST_POLL_MS));
    if (fds[1].revents != 0)
        drain_wake(link);
}

/* Until the connection is over or we are to stop. */
static void serve(struct link *link)
{
    struct session *session = &link->session;
    bool alive = true;
    while (alive && !is_stopping(link)) {
        take_queue(link);
        if (!write_some(link)) {
            (void)read_some(link); /* the server's last words say more than a broken pipe */
            break;
        }
        wait_for_something(link);
        alive = read_some(link) && keep_alive(link);
        if (alive && !session->announced && stream_is_open(session->stream))
            announce_up(link);
    }
}

/* We are stopping: what is queued still goes out, then our end tag; the server gets a moment to answer with its own. */
static void end_politely(struct link *link)
{
    struct session *session = &link->session;
    int64_t deadline = clock_ms() + END_TIMEOUT_MS;
    take_queue(link);
    stream_end(session->stream);
    while (write_some(link) && read_some(link) && clock_ms() < deadline) {
        bool writing = session->sent < session->out.length;
        struct pollfd fd = {.fd = transport_fd(session->transport),
                            .events = transport_events(session->transport, writing)};
        (void)poll(&fd, 1, clock_left(deadline, END_TIMEOUT_MS));
    }
}

static void begin_stream(struct link *link)
{
    struct session *session = &link->session;
    session->opened_ms = session->heard_ms = session->progress_ms = clock_ms();
    const struct stream_config config = {.component = link->config->component,
                                         .secret = link->config->secret,
                                         .out = &session->out,
                                         .received = received,
                                         .arg = link};
    session->stream = stream_new(&config);
}

/* One connection. True: it was a link that lived long enough for the next one to be tried soon. */
static bool run_session(struct link *link)
{
    struct session *session = &link->session;
    *session = (struct session){0};
    buf_init(&session->out, OUT_MAX);
    int64_t deadline = clock_ms() + link->config->connect_timeout_ms;
    if (transport_open(link->config, link->resolver, link->wake_fd, deadline, &session->transport, session->reason) ==
        OK) {
        begin_stream(link);
        serve(link);
        if (is_stopping(link) && session->announced)
            end_politely(link);
        if (stream_refused(session->stream))
            metric_add(M_XMPP_REFUSED, "", 1);
    }
    bool lived = session->announced && clock_ms() >= session->opened_ms + 2 * link->config->backoff_base_ms;
    announce_down(link);
    stream_free(&session->stream);
    transport_close(&session->transport);
    buf_free(&session->out);
    return lived;
}

static void pause_between(struct link *link, unsigned attempt)
{
    int64_t until = clock_ms() + backoff_ms(attempt, link->config->backoff_base_ms, link->config->backoff_cap_ms);
    while (!is_stopping(link) && clock_ms() < until) {
        struct pollfd fd = {.fd = link->wake_fd, .events = POLLIN};
        if (poll(&fd, 1, clock_left(until, LONGEST_POLL_MS)) > 0)
            drain_wake(link);
    }
}

static void *run(void *arg)
{
    struct link *link = arg;
    unsigned attempt = 0;
    while (!is_stopping(link)) {
        attempt = run_session(link) ? 0 : attempt + 1;
        pause_between(link, attempt);
    }
    return NULL;
}

/* ---- other threads ---- */

static void ring(struct link *link)
{
    (void)eventfd_write(link->wake_fd, 1); /* cannot fail but when it is rung already 2^64 times */
}

static void release(struct link *link)
{
    pending_free(&link->pending);
    resolver_free(&link->resolver);
    buf_free(&link->queue);
    pthread_mutex_destroy(&link->lock);
    close(link->wake_fd);
    free(link);
}

enum err link_start(const struct xmpp_config *config, const struct link_handlers *handlers, struct link **link_r)
{
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return ERR_INTERNAL;
    struct link *link = xcalloc(1, sizeof *link);
    link->config = config;
    link->handlers = *handlers;
    link->wake_fd = wake_fd;
    link->pending = pending_new();
    link->resolver = resolver_new(config->host, config->port);
    pthread_mutex_init(&link->lock, NULL);
    buf_init(&link->queue, QUEUE_MAX);
    snprintf(link->status.reason, sizeof link->status.reason, "not connected yet");
    *link_r = link;
    if (thread_start("xmpp", STACK_SIZE, run, link, &link->thread) == OK)
        return OK;
    *link_r = NULL;
    release(link);
    return ERR_INTERNAL;
}

void link_refuse(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->refusing = true;
    pthread_mutex_unlock(&link->lock);
    pending_fail(link->pending, ERR_SHUTDOWN);
}

void link_close(struct link **link)
{
    if (*link == NULL)
        return;
    link_refuse(*link);
    pthread_mutex_lock(&(*link)->lock);
    (*link)->stopping = true;
    pthread_mutex_unlock(&(*link)->lock);
    ring(*link);
    pthread_join((*link)->thread, NULL);
    release(*link);
    *link = NULL;
}

void link_status(struct link *link, struct link_status *status_r)
{
    pthread_mutex_lock(&link->lock);
    *status_r = link->status;
    pthread_mutex_unlock(&link->lock);
}

void link_id(struct link *link, char id_r[REQUEST_ID_SIZE])
{
    pending_id(link->pending, id_r);
}

/* Under the lock. OK: the text is queued. */
static enum err enqueue(struct link *link, uint64_t generation, const struct buf *text)
{
    if (!link->status.up || link->status.generation != generation)
        return ERR_XMPP_DOWN;
    if (text->length > link->queue.limit - link->queue.length)
        return ERR_BUSY;
    buf_append(&link->queue, text->data, text->length);
    return OK;
}

enum err link_call(struct link *link, uint64_t generation, const struct buf *text, struct exchange *exchange,
                   int64_t deadline_ms)
{
    pthread_mutex_lock(&link->lock);
    enum err err = link->refusing ? ERR_SHUTDOWN : enqueue(link, generation, text);
    if (err == OK)
        pending_begin(link->pending, exchange);
    pthread_mutex_unlock(&link->lock);
    if (err != OK)
        return err;
    ring(link);
    return pending_wait(link->pending, exchange, deadline_ms);
}

void link_post(struct link *link, uint64_t generation, const struct buf *text)
{
    pthread_mutex_lock(&link->lock);
    bool queued = enqueue(link, generation, text) == OK;
    pthread_mutex_unlock(&link->lock);
    if (queued)
        ring(link);
}
