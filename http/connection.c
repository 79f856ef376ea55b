/* Deadlines of HTTP connections, and waiting for sockets.
 *
 * Threads: a connection's phase and deadline are written by its libmicrohttpd thread and read by the watcher, as
 * relaxed atomics; the list, the descriptors and who waits are under one lock. connection_close takes that lock before
 * libmicrohttpd closes the descriptor (it notifies first), so the watcher never shuts down a number that already
 * belongs to someone else. A connection that waits is suspended, and the watcher alone resumes it: so none is closed
 * while the watcher's epoll may still name it. The lock is taken before libmicrohttpd's own (suspend, resume), never
 * inside it.
 *
 * The watcher walks the whole list a few times per shortest timeout. With 10,000 connections that is some hundred
 * microseconds a second; a heap would save them and cost a lock on every request. */
#include "http/connection.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/base/metrics.h"

enum { SWEEPS_PER_TIMEOUT = 8, SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 1000, EVENTS_AT_ONCE = 64, WATCHER_STACK = 64 * 1024 };

struct connection {
    struct connection *next, *previous; /* under the lock */
    struct connections *connections;
    struct MHD_Connection *mhd;
    int fd;
    struct peer_key peer;
    bool waiting; /* suspended, in the epoll; under the lock */
    bool watched; /* known to the epoll; its own thread's */
    bool cut;     /* the watcher's */
    _Atomic int64_t deadline_ms;
    _Atomic int phase;
    int64_t headers_deadline_ms, body_deadline_ms; /* the connection's thread's */
};

struct connections {
    pthread_mutex_t lock;
    bool stopping;
    pthread_t watcher;
    int epoll_fd, stop_fd;
    struct connection *first;
    struct connection_timeouts timeouts;
    int64_t interval_ms;
};

static const char *const cut_reasons[PHASE_COUNT] = {"headers", "body", "call", "send"};

static void set_deadline(struct connection *connection, enum phase phase, int64_t deadline_ms)
{
    atomic_store_explicit(&connection->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&connection->deadline_ms, deadline_ms, memory_order_relaxed);
}

/* Locked. */
static void sweep(struct connections *connections, int64_t now)
{
    for (struct connection *c = connections->first; c != NULL; c = c->next) {
        if (c->cut || atomic_load_explicit(&c->deadline_ms, memory_order_relaxed) > now)
            continue;
        c->cut = true;
        metric_add(M_HTTP_CUT, cut_reasons[atomic_load_explicit(&c->phase, memory_order_relaxed)], 1);
        shutdown(c->fd, SHUT_RDWR);
    }
}

/* Locked. */
static void resume(struct connection *connection)
{
    connection->waiting = false;
    MHD_resume_connection(connection->mhd);
}

static void *run_watcher(void *arg)
{
    struct connections *connections = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t next_sweep = clock_ms() + connections->interval_ms;
    bool stopping = false;
    while (!stopping) {
        int count = epoll_wait(connections->epoll_fd, events, EVENTS_AT_ONCE, clock_left(next_sweep, SWEEP_MAX_MS));
        pthread_mutex_lock(&connections->lock);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL)
                resume(events[i].data.ptr);
        }
        int64_t now = clock_ms();
        if (now >= next_sweep) {
            sweep(connections, now);
            next_sweep = now + connections->interval_ms;
        }
        stopping = connections->stopping;
        pthread_mutex_unlock(&connections->lock);
    }
    return NULL;
}

static int64_t sweep_interval(const struct connection_timeouts *timeouts)
{
    int64_t shortest = timeouts->headers_ms;
    if (timeouts->body_ms < shortest)
        shortest = timeouts->body_ms;
    if (timeouts->send_ms < shortest)
        shortest = timeouts->send_ms;
    int64_t interval = shortest / SWEEPS_PER_TIMEOUT;
    if (interval < SWEEP_MIN_MS)
        return SWEEP_MIN_MS;
    return interval > SWEEP_MAX_MS ? SWEEP_MAX_MS : interval;
}

static enum err start(struct connections *connections)
{
    struct epoll_event stop = {.events = EPOLLIN};
    connections->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (connections->epoll_fd < 0 || connections->stop_fd < 0 ||
        epoll_ctl(connections->epoll_fd, EPOLL_CTL_ADD, connections->stop_fd, &stop) != 0) {
        log_error("http_start_failed", F("reason", strerror(errno)));
        return ERR_INTERNAL;
    }
    return thread_start("http-watch", WATCHER_STACK, run_watcher, connections, &connections->watcher);
}

enum err connections_start(const struct connection_timeouts *timeouts, struct connections **connections_r)
{
    struct connections *connections = xcalloc(1, sizeof *connections);
    connections->timeouts = *timeouts;
    connections->interval_ms = sweep_interval(timeouts);
    pthread_mutex_init(&connections->lock, NULL);
    enum err err = start(connections);
    if (err != OK) {
        connections_free(&connections);
        return err;
    }
    *connections_r = connections;
    return OK;
}

void connections_stop(struct connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    connections->stopping = true;
    pthread_mutex_unlock(&connections->lock);
    uint64_t one = 1;
    ssize_t written = write(connections->stop_fd, &one, sizeof one);
    (void)written; /* the first write to an eventfd does not fail */
    pthread_join(connections->watcher, NULL);

    pthread_mutex_lock(&connections->lock);
    for (struct connection *c = connections->first; c != NULL; c = c->next) {
        if (c->waiting)
            resume(c);
    }
    pthread_mutex_unlock(&connections->lock);
}

void connections_free(struct connections **connections)
{
    if (*connections == NULL)
        return;
    assert((*connections)->first == NULL);
    if ((*connections)->epoll_fd >= 0)
        close((*connections)->epoll_fd);
    if ((*connections)->stop_fd >= 0)
        close((*connections)->stop_fd);
    pthread_mutex_destroy(&(*connections)->lock);
    free(*connections);
    *connections = NULL;
}

struct connection *connection_open(struct connections *connections, struct MHD_Connection *mhd, int fd,
                                   struct peer_key peer)
{
    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->connections = connections;
    connection->mhd = mhd;
    connection->fd = fd;
    connection->peer = peer;
    connection_enter(connection, PHASE_HEADERS);

    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connection->next != NULL)
        connection->next->previous = connection;
    connections->first = connection;
    pthread_mutex_unlock(&connections->lock);
    return connection;
}

void connection_close(struct connection **connection)
{
    struct connection *c = *connection;
    struct connections *connections = c->connections;
    pthread_mutex_lock(&connections->lock);
    assert(!c->waiting);
    if (c->watched)
        epoll_ctl(connections->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        connections->first = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    pthread_mutex_unlock(&connections->lock);
    free(c);
    *connection = NULL;
}

struct peer_key connection_peer(const struct connection *connection)
{
    return connection->peer;
}

int connection_fd(const struct connection *connection)
{
    return connection->fd;
}

void connection_request_line(struct connection *connection)
{
    connection->body_deadline_ms = clock_ms() + connection->connections->timeouts.body_ms;
    bool body_first = connection->body_deadline_ms < connection->headers_deadline_ms;
    set_deadline(connection, body_first ? PHASE_BODY : PHASE_HEADERS,
                 body_first ? connection->body_deadline_ms : connection->headers_deadline_ms);
}

void connection_enter(struct connection *connection, enum phase phase)
{
    const struct connection_timeouts *timeouts = &connection->connections->timeouts;
    switch (phase) {
    case PHASE_HEADERS:
        connection->headers_deadline_ms = clock_ms() + timeouts->headers_ms;
        set_deadline(connection, phase, connection->headers_deadline_ms);
        break;
    case PHASE_BODY:
        set_deadline(connection, phase, connection->body_deadline_ms);
        break;
    case PHASE_SEND:
        set_deadline(connection, phase, clock_ms() + timeouts->send_ms);
        break;
    default:
        set_deadline(connection, phase, INT64_MAX);
        break;
    }
}

void connection_wait(struct connection *connection)
{
    struct connections *connections = connection->connections;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = connection};
    int operation = connection->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    pthread_mutex_lock(&connections->lock);
    if (!connections->stopping) {
        MHD_suspend_connection(connection->mhd);
        connection->waiting = true;
        if (epoll_ctl(connections->epoll_fd, operation, connection->fd, &event) == 0)
            connection->watched = true;
        else
            resume(connection); /* no memory: it asks again at once */
    }
    pthread_mutex_unlock(&connections->lock);
}

void connection_cut(struct connection *connection, const char *reason)
{
    set_deadline(connection, PHASE_CALL, INT64_MAX);
    metric_add(M_HTTP_CUT, reason, 1);
    shutdown(connection->fd, SHUT_RDWR);
}
