/* The threads meet at one mutex: it guards the queue of bytes to be sent and the state that callers see. Registering an
 * exchange and queueing its bytes is one step under it, and so is going down: an exchange is either refused, or failed
 * with all others when the link breaks. The pending table's own lock is taken inside.
 *
 * The thread moves queued bytes to its session in portions, so that the queue's bound holds back those who write when
 * the server does not read. The eventfd says that the queue or the wish to stop has changed. */
#include "xmpp/link.h"

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
#include "xmpp/resolve.h"
#include "xmpp/said.h"
#include "xmpp/session.h"
#include "xmpp/xmpp.h"

enum { QUEUE_MAX = 1024 * 1024, POSTED_MAX = 32 * 1024, STACK_SIZE = 512 * 1024, LONGEST_POLL_MS = 60 * 1000 };

struct link {
    const struct xmpp_config *config;
    struct link_handlers handlers;
    pthread_t thread;
    int wake_fd;
    struct pending *pending;
    struct resolver *resolver; /* the thread's, as what follows */
    struct trouble trouble;
    struct repeated skipped, forged; /* their lines in the log */
    bool exposure_said;

    atomic_uint_least64_t places; /* so many have been given out */
    pthread_mutex_t lock;         /* of what follows */
    struct buf queue;             /* bytes for the link that is up */
    struct buf posted;            /* bytes for the next one */
    struct repeated others;       /* lines of link_may_log */
    bool refusing;
    bool stopping;
    uint64_t praised; /* generation, as what follows */
    uint64_t dropped;
    const char *drop_reason; /* static */
    struct link_status status;
};

/* ---- the thread ---- */

static bool is_stopping(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool stopping = link->stopping;
    pthread_mutex_unlock(&link->lock);
    return stopping;
}

/* Under the lock. Passwords go through the queue. */
static void empty_queue(struct link *link)
{
    if (link->queue.length > 0)
        secret_wipe(link->queue.data, link->queue.length);
    buf_clear(&link->queue);
}

static void hand_over(struct link *link, struct session *session)
{
    if (session_is_full(session))
        return;
    pthread_mutex_lock(&link->lock);
    session_send(session, link->posted.data, link->posted.length);
    session_send(session, link->queue.data, link->queue.length);
    buf_clear(&link->posted);
    empty_queue(link);
    pthread_mutex_unlock(&link->lock);
}

static void log_up(const struct link *link, uint64_t failures)
{
    log_info("xmpp_link_up", F("host", link->config->host), F("port", link->config->port),
             F("link", link->status.generation), F("failures", failures));
}

/* Once a reason, not once an attempt; that links come and go is said once, too. */
static void log_down(struct link *link, bool was_up, const char *reason)
{
    enum trouble_line line = trouble_down(&link->trouble, was_up, reason);
    if (line == TROUBLE_DOWN)
        log_warn("xmpp_link_down", F("host", link->config->host), F("port", link->config->port), F("reason", reason));
    else if (line == TROUBLE_UNSTEADY)
        log_info("xmpp_link_unsteady", F("host", link->config->host), F("port", link->config->port),
                 F("reason", reason));
}

static void log_exposure(struct link *link)
{
    if (!link->exposure_said)
        log_warn("xmpp_link_plain", F("host", link->config->host),
                 F("why", "the configuration calls the way protected"));
    link->exposure_said = true;
}

static void announce_up(struct link *link, const struct session *session)
{
    pthread_mutex_lock(&link->lock);
    link->status.up = true;
    link->status.generation++;
    pthread_mutex_unlock(&link->lock);
    metric_set(M_XMPP_UP, "", 1);
    metric_add(M_XMPP_RECONNECTS, "", 1);
    if (session_is_exposed(session))
        log_exposure(link);
    if (trouble_up(&link->trouble) == TROUBLE_UP)
        log_up(link, link->trouble.failures);
    link->handlers.changed(link->handlers.arg, true);
}

/* Longer than the longest pause between two attempts: what was wrong before is over. */
static void look_whether_it_lasts(struct link *link, const struct session *session)
{
    uint64_t failures = link->trouble.failures;
    if (session_age_ms(session) > link->config->backoff_cap_ms && trouble_lasted(&link->trouble) == TROUBLE_UP)
        log_up(link, failures);
}

/* After it, nothing waits for an answer of the connection that is over. */
static void announce_down(struct link *link, bool was_up, const char *reason)
{
    pthread_mutex_lock(&link->lock);
    link->status.up = false;
    snprintf(link->status.reason, sizeof link->status.reason, "%s", reason);
    empty_queue(link);
    bool stopping = link->stopping;
    pthread_mutex_unlock(&link->lock);
    if (was_up) {
        pending_fail(link->pending, ERR_XMPP_DOWN);
        metric_set(M_XMPP_UP, "", 0);
        link->handlers.changed(link->handlers.arg, false);
    }
    if (stopping)
        return;
    metric_add(M_XMPP_FAILURES, "", 1);
    log_down(link, was_up, reason);
}

static void on_received(void *arg, const struct element *stanza, struct buf *reply)
{
    struct link *link = arg;
    link->handlers.received(link->handlers.arg, stanza, reply);
}

/* Any user of the server can cause it, as often as he likes. */
static void on_skipped(void *arg, const struct element *root, const char *reason)
{
    struct link *link = arg;
    uint64_t times;
    metric_add(M_XMPP_REFUSED, "", 1);
    if (repeated_say(&link->skipped, clock_ms(), &times))
        log_warn("xmpp_stanza_skipped", F("reason", reason),
                 F("from", root != NULL ? element_attribute_or_empty(root, "from") : ""), F("times", times));
}

/* One that is unasked is mostly late, or answers what nobody waits for. */
static void on_ignored(void *arg, const struct element *answer, bool forged)
{
    struct link *link = arg;
    uint64_t times;
    metric_add(M_XMPP_IGNORED, forged ? "forged" : "unasked", 1);
    if (forged && repeated_say(&link->forged, clock_ms(), &times))
        log_warn("xmpp_answer_forged", F("from", element_attribute_or_empty(answer, "from")), F("times", times));
}

/* NULL: it is to go on. */
static const char *drop_reason(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    const char *reason = link->dropped == link->status.generation ? link->drop_reason : NULL;
    pthread_mutex_unlock(&link->lock);
    return reason;
}

/* Until the connection is over or we are to stop. True: it was up. */
static bool serve(struct link *link, struct session *session)
{
    bool up = false;
    bool alive = true;
    while (alive && !is_stopping(link) && !(up && drop_reason(link) != NULL)) {
        if (up)
            hand_over(link, session);
        alive = session_turn(session);
        if (alive && !up && session_is_up(session)) {
            up = true;
            announce_up(link, session);
        }
        if (up)
            look_whether_it_lasts(link, session);
    }
    if (alive && up) {
        hand_over(link, session);
        session_finish(session);
    }
    return up;
}

static bool was_good(struct link *link, const struct session *session)
{
    pthread_mutex_lock(&link->lock);
    bool praised = link->praised == link->status.generation;
    pthread_mutex_unlock(&link->lock);
    if (session_conflicts(session)) /* who took our name wants it back as much as we do */
        return false;
    return praised || session_age_ms(session) >= 2 * link->config->backoff_base_ms;
}

/* One connection. True: it was a link after which the next one may be tried soon. */
static bool run_session(struct link *link)
{
    const struct session_config config = {.config = link->config,
                                          .resolver = link->resolver,
                                          .pending = link->pending,
                                          .wake_fd = link->wake_fd,
                                          .received = on_received,
                                          .skipped = on_skipped,
                                          .ignored = on_ignored,
                                          .arg = link};
    struct session *session = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    if (session_open(&config, &session, reason) != OK) {
        announce_down(link, false, reason);
        return false;
    }
    bool up = serve(link, session);
    const char *dropped = up ? drop_reason(link) : NULL;
    bool good = up && dropped == NULL && was_good(link, session);
    if (session_refused(session))
        metric_add(M_XMPP_REFUSED, "", 1);
    announce_down(link, up, dropped != NULL ? dropped : session_reason(session));
    session_close(&session);
    return good;
}

static void pause_between(struct link *link, unsigned attempt)
{
    int64_t until = clock_ms() + backoff_ms(attempt, link->config->backoff_base_ms, link->config->backoff_cap_ms);
    while (!is_stopping(link) && clock_ms() < until) {
        struct pollfd fd = {.fd = link->wake_fd, .events = POLLIN};
        eventfd_t value;
        if (poll(&fd, 1, clock_left(until, LONGEST_POLL_MS)) > 0)
            (void)eventfd_read(link->wake_fd, &value);
    }
}

static void *run(void *arg)
{
    struct link *link = arg;
    unsigned attempt = 0;
    while (!is_stopping(link)) {
        eventfd_t rung; /* for the connection before */
        (void)eventfd_read(link->wake_fd, &rung);
        if (is_stopping(link))
            break;
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

/* Under the lock. An attempt to make a link would end by it. */
static void ring_if_up(struct link *link)
{
    if (link->status.up)
        ring(link);
}

static void release(struct link *link)
{
    pending_free(&link->pending);
    resolver_free(&link->resolver);
    buf_free(&link->queue);
    buf_free(&link->posted);
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
    buf_init(&link->posted, POSTED_MAX);
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

void link_praise(struct link *link, uint64_t generation)
{
    pthread_mutex_lock(&link->lock);
    link->praised = generation;
    pthread_mutex_unlock(&link->lock);
}

void link_drop(struct link *link, uint64_t generation, const char *reason)
{
    pthread_mutex_lock(&link->lock);
    link->dropped = generation;
    link->drop_reason = reason;
    ring_if_up(link);
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
    if (err == OK) {
        pending_begin(link->pending, exchange);
        exchange->place = link_pass(link);
    }
    pthread_mutex_unlock(&link->lock);
    if (err != OK)
        return err;
    ring(link);
    return pending_wait(link->pending, exchange, deadline_ms);
}

enum err link_send(struct link *link, uint64_t generation, const struct buf *text)
{
    pthread_mutex_lock(&link->lock);
    const bool room =
        text->length <= link->queue.limit / 2 && link->queue.length <= link->queue.limit / 2 - text->length;
    const enum err err = room ? enqueue(link, generation, text) : ERR_BUSY;
    pthread_mutex_unlock(&link->lock);
    if (err == OK)
        ring(link);
    return err;
}

const atomic_uint_least64_t *link_places(const struct link *link)
{
    return &link->places;
}

uint64_t link_pass(struct link *link)
{
    return atomic_fetch_add(&link->places, 1) + 1;
}

void link_post(struct link *link, const struct buf *text)
{
    pthread_mutex_lock(&link->lock);
    if (text->length <= link->posted.limit - link->posted.length)
        buf_append(&link->posted, text->data, text->length);
    ring_if_up(link);
    pthread_mutex_unlock(&link->lock);
}

bool link_may_log(struct link *link)
{
    uint64_t times;
    pthread_mutex_lock(&link->lock);
    bool may = repeated_say(&link->others, clock_ms(), &times);
    pthread_mutex_unlock(&link->lock);
    return may;
}
