/* Time without a sign of life: a connection that was silent for ping_interval is pinged; when the answer takes as long
 * again, it is dead. The same holds for bytes that the server does not take, and for a stanza that goes on for twice
 * the interval: nothing behind it is heard. So a dead server is noticed within twice the interval (20 s by default),
 * and Openfire's idle limit of 6 minutes is never met. A stranger's requests cannot fill the memory: while much is
 * waiting to be written, no more replies are made. */
#include "xmpp/session.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "component/base/secret.h"
#include "xmpp/ns.h"
#include "xmpp/pending.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/xmpp.h"

enum {
    OUT_MAX = 4 * 1024 * 1024,
    FULL = 128 * 1024,       /* bytes; more is not taken over from the queue */
    REPLIES_MAX = 64 * 1024, /* bytes; no more replies are made then. Less than FULL: who floods us with requests is
                                not to keep ours from being written */
    READ_SIZE = 16 * 1024,
    READS_A_TURN = 16,    /* then writing and the clock get their turn */
    END_TIMEOUT_MS = 300, /* for the last bytes and the server's end tag */
    LONGEST_POLL_MS = 60 * 1000
};

struct session {
    struct session_config config;
    struct transport *transport;
    struct stream *stream;
    struct buf out;
    size_t sent; /* of out */
    bool more;   /* it was not read to the end */
    int64_t opened_ms;
    int64_t heard_ms;     /* when the server last sent anything */
    int64_t progress_ms;  /* when it last took anything, or had nothing to take */
    int64_t ping_sent_ms; /* 0: no ping is out */
    uint64_t unfinished;  /* the stanza that has begun; 0: none */
    int64_t begun_ms;     /* when it was first seen */
    char ping_id[REQUEST_ID_SIZE];
    char reason[TRANSPORT_REASON_SIZE];
};

static void set_reason(struct session *session, const char *reason)
{
    snprintf(session->reason, sizeof session->reason, "%s", reason);
}

static size_t waiting(const struct session *session)
{
    return session->out.length - session->sent;
}

/* ---- what comes in ---- */

static bool is_answer(const struct element *stanza)
{
    return element_is(stanza, NS_COMPONENT, "iq") &&
           (element_attribute_is(stanza, "type", "result") || element_attribute_is(stanza, "type", "error"));
}

/* An error is a sign of life too. */
static bool is_pong(const struct session *session, const struct element *answer)
{
    return session->ping_sent_ms != 0 && element_attribute_is(answer, "id", session->ping_id) &&
           element_attribute_is(answer, "from", session->config.config->domain);
}

/* True when somebody waited for it. */
static bool take_answer(struct session *session, struct tree *answer)
{
    if (is_pong(session, answer->root)) {
        session->ping_sent_ms = 0;
        tree_free(&answer);
        return true;
    }
    if (pending_answer(session->config.pending, answer))
        return true;
    const char *id = element_attribute_or_empty(answer->root, "id");
    session->config.ignored(session->config.arg, answer->root, pending_expects(session->config.pending, id));
    return false;
}

static void on_stanza(void *arg, struct tree *stanza)
{
    struct session *session = arg;
    if (is_answer(stanza->root) && take_answer(session, stanza))
        return;
    struct buf none;
    buf_init(&none, 0);
    struct buf *reply = waiting(session) < REPLIES_MAX ? &session->out : &none;
    session->config.received(session->config.arg, stanza->root, reply);
    tree_free(&stanza);
}

static void on_skipped(void *arg, const struct element *root, const char *reason)
{
    struct session *session = arg;
    if (root != NULL && is_answer(root))
        pending_refuse(session->config.pending, root, ERR_TOO_LARGE);
    session->config.skipped(session->config.arg, root, reason);
}

/* False: it is over. */
static bool read_some(struct session *session)
{
    char bytes[READ_SIZE];
    session->more = false;
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t length = 0;
        enum transport_result result = transport_read(session->transport, bytes, sizeof bytes, &length);
        if (result == TRANSPORT_AGAIN)
            return true;
        if (result == TRANSPORT_BROKEN) {
            set_reason(session, transport_reason(session->transport));
            return false;
        }
        session->heard_ms = clock_ms();
        if (stream_feed(session->stream, bytes, length) != OK) {
            set_reason(session, stream_reason(session->stream));
            return false;
        }
        if (stream_unfinished(session->stream) != session->unfinished) {
            session->unfinished = stream_unfinished(session->stream);
            session->begun_ms = session->heard_ms;
        }
    }
    session->more = true; /* TLS may hold it already, where poll does not see it */
    return true;
}

/* ---- what goes out ---- */

static void forget_written(struct session *session)
{
    if (session->out.length > 0)
        secret_wipe(session->out.data, session->out.length); /* passwords go through */
    buf_clear(&session->out);
    session->sent = 0;
    session->progress_ms = clock_ms();
}

/* A server that takes some, but never all, would fill it with what is written already. */
static void make_room(struct session *session)
{
    const size_t left = waiting(session), written = session->sent;
    if (written < FULL)
        return;
    buf_consume(&session->out, written);
    secret_wipe(session->out.data + left, written);
    session->sent = 0;
}

static bool write_some(struct session *session)
{
    while (waiting(session) > 0) {
        size_t written = 0;
        enum transport_result result =
            transport_write(session->transport, session->out.data + session->sent, waiting(session), &written);
        if (result == TRANSPORT_AGAIN) {
            make_room(session);
            return true;
        }
        if (result == TRANSPORT_BROKEN) {
            set_reason(session, transport_reason(session->transport));
            return false;
        }
        session->sent += written;
        session->progress_ms = clock_ms();
    }
    forget_written(session);
    return true;
}

static void send_ping(struct session *session, int64_t now)
{
    const struct xmpp_config *config = session->config.config;
    struct stanza_builder *builder = stanza_builder_new();
    pending_id(session->config.pending, session->ping_id);
    stanza_open_iq(builder, "get", config->component, config->domain, session->ping_id);
    stanza_open(builder, "ping", NS_PING);
    if (stanza_finish(builder, &session->out) == OK)
        session->ping_sent_ms = now;
    stanza_builder_free(&builder);
}

/* ---- the clock ---- */

/* False: it is dead. */
static bool keep_alive(struct session *session)
{
    int64_t now = clock_ms();
    int64_t interval = session->config.config->ping_interval_ms;
    const char *dead = NULL;
    if (!session_is_up(session))
        dead = session_age_ms(session) >= session->config.config->connect_timeout_ms ? "no handshake in time" : NULL;
    else if (session->ping_sent_ms != 0 && now >= session->ping_sent_ms + interval)
        dead = "a ping was not answered";
    else if (session->unfinished != 0 && now >= session->begun_ms + 2 * interval)
        dead = "a stanza does not end";
    else if (waiting(session) > 0 && now >= session->progress_ms + 2 * interval)
        dead = "the server takes no data";
    else if (session->ping_sent_ms == 0 && now >= session->heard_ms + interval)
        send_ping(session, now);
    if (dead != NULL)
        set_reason(session, dead);
    return dead == NULL;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* When keep_alive has to look again. */
static int64_t next_look(const struct session *session)
{
    int64_t interval = session->config.config->ping_interval_ms;
    if (!session_is_up(session))
        return session->opened_ms + session->config.config->connect_timeout_ms;
    int64_t next = (session->ping_sent_ms != 0 ? session->ping_sent_ms : session->heard_ms) + interval;
    if (waiting(session) > 0)
        next = earlier(next, session->progress_ms + 2 * interval);
    if (session->unfinished != 0)
        next = earlier(next, session->begun_ms + 2 * interval);
    return next;
}

/* ---- life ---- */

enum err session_open(const struct session_config *config, struct session **session_r,
                      char reason_r[TRANSPORT_REASON_SIZE])
{
    struct transport *transport = NULL;
    int64_t deadline = clock_ms() + config->config->connect_timeout_ms;
    enum err err = transport_open(config->config, config->resolver, config->wake_fd, deadline, &transport, reason_r);
    if (err != OK)
        return err;
    struct session *session = xcalloc(1, sizeof *session);
    session->config = *config;
    session->transport = transport;
    session->opened_ms = session->heard_ms = session->progress_ms = clock_ms();
    buf_init(&session->out, OUT_MAX);
    const struct stream_config stream = {.component = config->config->component,
                                         .secret = config->config->secret,
                                         .out = &session->out,
                                         .received = on_stanza,
                                         .skipped = on_skipped,
                                         .arg = session};
    session->stream = stream_new(&stream);
    *session_r = session;
    return OK;
}

void session_close(struct session **session)
{
    if (*session == NULL)
        return;
    stream_free(&(*session)->stream);
    transport_close(&(*session)->transport);
    buf_free(&(*session)->out);
    free(*session);
    *session = NULL;
}

static void wait_for_something(struct session *session, int wake_fd, int64_t until_ms)
{
    struct pollfd fds[2] = {
        {.fd = transport_fd(session->transport), .events = transport_events(session->transport, waiting(session) > 0)},
        {.fd = wake_fd, .events = POLLIN}};
    (void)poll(fds, 2, session->more ? 0 : clock_left(until_ms, LONGEST_POLL_MS));
    eventfd_t value;
    if (fds[1].revents != 0)
        (void)eventfd_read(wake_fd, &value);
}

bool session_turn(struct session *session)
{
    if (!write_some(session)) {
        (void)read_some(session); /* the server's last words say more than a broken pipe */
        return false;
    }
    wait_for_something(session, session->config.wake_fd, next_look(session));
    return read_some(session) && keep_alive(session);
}

void session_finish(struct session *session)
{
    int64_t deadline = clock_ms() + END_TIMEOUT_MS;
    stream_end(session->stream);
    while (write_some(session) && read_some(session) && clock_ms() < deadline)
        wait_for_something(session, -1, deadline);
}

bool session_is_up(const struct session *session)
{
    return stream_is_open(session->stream);
}

bool session_is_full(const struct session *session)
{
    return waiting(session) > FULL;
}

void session_send(struct session *session, const void *bytes, size_t length)
{
    buf_append(&session->out, bytes, length);
}

const char *session_reason(const struct session *session)
{
    return session_conflicts(session) ? "conflict: our domain is taken" : session->reason;
}

bool session_refused(const struct session *session)
{
    return stream_refused(session->stream);
}

bool session_conflicts(const struct session *session)
{
    return stream_conflicts(session->stream);
}

bool session_is_exposed(const struct session *session)
{
    return transport_is_exposed(session->transport);
}

int64_t session_age_ms(const struct session *session)
{
    return clock_ms() - session->opened_ms;
}
