/* Deadlines of HTTP connections.
 *
 * Threads: a connection's phase and deadline are written by its libmicrohttpd thread and read by the sweeper, as
 * relaxed atomics; the list and the descriptors are under one lock. connection_close takes that lock before
 * libmicrohttpd closes the descriptor (it notifies first), so the sweeper never shuts down a number that already
 * belongs to someone else.
 *
 * The sweeper walks the whole list a few times per shortest timeout. With 10,000 connections that is some hundred
 * microseconds a second; a heap would save them and cost a lock on every request. */
#include "http/connection.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"

enum { SWEEPS_PER_TIMEOUT = 8, SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 1000, SWEEPER_STACK = 64 * 1024 };

struct connection {
    struct connection *next, *previous; /* under the lock */
    struct connections *connections;
    int fd;
    struct peer_key peer;
    bool cut; /* the sweeper's */
    _Atomic int64_t deadline_ms;
    _Atomic int phase;
    int64_t headers_deadline_ms, body_deadline_ms; /* the connection's thread's */
};

struct connections {
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    pthread_t sweeper;
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

static struct timespec monotonic_in(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static void *run_sweeper(void *arg)
{
    struct connections *connections = arg;
    pthread_mutex_lock(&connections->lock);
    while (!connections->stopping) {
        struct timespec next = monotonic_in(connections->interval_ms);
        pthread_cond_timedwait(&connections->stop, &connections->lock, &next);
        sweep(connections, clock_ms());
    }
    pthread_mutex_unlock(&connections->lock);
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

enum err connections_start(const struct connection_timeouts *timeouts, struct connections **connections_r)
{
    struct connections *connections = xcalloc(1, sizeof *connections);
    connections->timeouts = *timeouts;
    connections->interval_ms = sweep_interval(timeouts);
    pthread_mutex_init(&connections->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&connections->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum err err = thread_start("http-deadlines", SWEEPER_STACK, run_sweeper, connections, &connections->sweeper);
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
    pthread_cond_signal(&connections->stop);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->sweeper, NULL);
}

void connections_free(struct connections **connections)
{
    if (*connections == NULL)
        return;
    assert((*connections)->first == NULL);
    pthread_cond_destroy(&(*connections)->stop);
    pthread_mutex_destroy(&(*connections)->lock);
    free(*connections);
    *connections = NULL;
}

struct connection *connection_open(struct connections *connections, int fd, struct peer_key peer)
{
    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->connections = connections;
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

void connection_cut(struct connection *connection, const char *reason)
{
    set_deadline(connection, PHASE_CALL, INT64_MAX);
    metric_add(M_HTTP_CUT, reason, 1);
    shutdown(connection->fd, SHUT_RDWR);
}
