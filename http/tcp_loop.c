/* The TCP port's thread: one epoll, many connections (tcp_connection.h).
 *
 * Everything happens here, except that a call may finish on any other thread: its connection is put on a list under a
 * lock and an eventfd is rung. A connection whose client left while its call was out is closed at once, and freed when
 * the call comes back: until then the call points to it.
 *
 * Out of descriptors it stops accepting until the next sweep. Deadlines are looked at once a second at most: they are
 * minutes. */
#include "http/tcp_server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"

enum { EVENTS_AT_ONCE = 64, ACCEPTS_AT_ONCE = 64, SWEEP_MAX_MS = 1000 };

void tcp_loop_ring(struct tcp_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one);
    (void)written; /* it can only fail when it is rung already */
}

void tcp_loop_finished(struct call *call)
{
    struct tcp_connection *connection = call->owner;
    struct tcp_server *server = (struct tcp_server *)connection->port;
    pthread_mutex_lock(&server->lock);
    assert(!connection->finished);
    connection->finished = true;
    bool first = server->finished == NULL;
    connection->next_finished = server->finished;
    server->finished = connection;
    if (first)
        tcp_loop_ring(server);
    pthread_mutex_unlock(&server->lock);
}

/* ---- connections ---- */

void tcp_loop_watch(struct tcp_server *server, int operation, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(server->epoll_fd, operation, fd, &event) != 0)
        log_error("tcp_epoll_failed", F("reason", strerror(errno)));
}

static void unlink_connection(struct tcp_server *server, struct tcp_connection *connection)
{
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->first = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
}

/* Closes the socket. The memory goes when no event of this round and no call can point to it any more. */
static void close_connection(struct tcp_server *server, struct tcp_connection *connection)
{
    unlink_connection(server, connection);
    addresses_leave(server->addresses, connection->peer);
    server->count--;
    metric_move(M_TCP_CONNECTIONS, -1);
    tcp_stream_free(&connection->stream);
    connection->broken = true;
    connection->previous = NULL;
    connection->next = server->closed;
    server->closed = connection;
}

static void free_closed(struct tcp_server *server)
{
    struct tcp_connection **link = &server->closed;
    while (*link != NULL) {
        struct tcp_connection *connection = *link;
        if (connection->dispatch != NULL) {
            link = &connection->next;
            continue;
        }
        *link = connection->next;
        tcp_connection_free(&connection);
    }
}

/* After anything was done with it: closes it, or waits for what it needs now. `was_active` is from before. */
static void settle(struct tcp_server *server, struct tcp_connection *connection, bool was_active, bool was_out)
{
    bool is_out = connection->dispatch != NULL;
    server->out += (unsigned)is_out - (unsigned)was_out;
    if (tcp_connection_done(connection)) {
        connection->active = is_out;
        close_connection(server, connection);
    } else {
        uint32_t events = tcp_connection_events(connection);
        if (events != connection->events)
            tcp_loop_watch(server, EPOLL_CTL_MOD, connection->fd, events, connection);
        connection->events = events;
    }
    atomic_fetch_add(&server->active, (unsigned)connection->active - (unsigned)was_active);
}

static void on_event(struct tcp_server *server, struct tcp_connection *connection, uint32_t events)
{
    if (connection->broken) /* closed earlier in this round */
        return;
    bool was_active = connection->active, was_out = connection->dispatch != NULL;
    if (events & (EPOLLERR | EPOLLHUP))
        connection->broken = true;
    else
        tcp_connection_progress(connection);
    settle(server, connection, was_active, was_out);
}

/* A call came back. */
static void on_result(struct tcp_server *server, struct tcp_connection *connection)
{
    if (connection->stream == NULL) { /* the client left meanwhile */
        connection->dispatch = NULL;
        arena_free(&connection->arena);
        server->out--;
        atomic_fetch_sub(&server->active, 1);
        return;
    }
    bool was_active = connection->active;
    tcp_connection_resume(connection);
    settle(server, connection, was_active, true);
}

static void take_finished(struct tcp_server *server)
{
    uint64_t rings;
    ssize_t got = read(server->wake_fd, &rings, sizeof rings);
    (void)got;
    pthread_mutex_lock(&server->lock);
    struct tcp_connection *list = server->finished;
    server->finished = NULL;
    pthread_mutex_unlock(&server->lock);
    while (list != NULL) {
        struct tcp_connection *connection = list;
        list = list->next_finished;
        connection->finished = false; /* no other thread holds it before its next call */
        on_result(server, connection);
    }
}

/* ---- accepting ---- */

static void set_accepting(struct tcp_server *server, bool accepting)
{
    if (server->accepting == accepting || server->listen_fd < 0)
        return;
    tcp_loop_watch(server, EPOLL_CTL_MOD, server->listen_fd, accepting ? EPOLLIN : 0, &server->listen_fd);
    server->accepting = accepting;
}

static void welcome(struct tcp_server *server, int fd, struct peer_key peer)
{
    if (server->count >= server->connection_limit || addresses_full(server->addresses, peer)) {
        close(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct stream *stream = tcp_stream_new(server->tls, fd);
    if (stream == NULL)
        return;
    struct tcp_connection *connection = tcp_connection_new(&server->port, stream, fd, peer);
    addresses_enter(server->addresses, peer);
    server->count++;
    metric_move(M_TCP_CONNECTIONS, 1);
    connection->next = server->first;
    if (server->first != NULL)
        server->first->previous = connection;
    server->first = connection;
    connection->events = EPOLLIN;
    tcp_loop_watch(server, EPOLL_CTL_ADD, fd, connection->events, connection);
}

static void on_accept(struct tcp_server *server)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE && server->listen_fd >= 0; i++) {
        struct sockaddr_storage storage;
        socklen_t length = sizeof storage;
        int fd = accept4(server->listen_fd, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(server, fd, peer_key((struct sockaddr *)&storage));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("tcp_accept_paused", F("reason", strerror(errno)));
            set_accepting(server, false);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* ---- the loop ---- */

static void sweep(struct tcp_server *server)
{
    int64_t now = clock_ms();
    if (now < server->next_sweep_ms)
        return;
    server->next_sweep_ms = now + server->sweep_interval_ms;
    struct tcp_connection *next;
    for (struct tcp_connection *connection = server->first; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->deadline_ms > now)
            continue;
        bool was_active = connection->active, was_out = connection->dispatch != NULL;
        connection->broken = true;
        settle(server, connection, was_active, was_out);
    }
    set_accepting(server, true);
}

/* No more connections, no more lines; what is out is answered. */
static void quiesce(struct tcp_server *server)
{
    server->port.quiescing = true;
    close(server->listen_fd); /* which takes it out of the epoll */
    server->listen_fd = -1;
    struct tcp_connection *next;
    for (struct tcp_connection *connection = server->first; connection != NULL; connection = next) {
        next = connection->next;
        settle(server, connection, connection->active, connection->dispatch != NULL);
    }
}

/* True when the thread is to end. */
static bool obey(struct tcp_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stop = server->stop;
    if (server->quiesce && !server->is_quiesced) {
        quiesce(server);
        server->is_quiesced = true;
        pthread_cond_broadcast(&server->quiesced);
    }
    pthread_mutex_unlock(&server->lock);
    return stop;
}

void *tcp_loop(void *arg)
{
    struct tcp_server *server = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    while (!obey(server)) {
        int count =
            epoll_wait(server->epoll_fd, events, EVENTS_AT_ONCE, clock_left(server->next_sweep_ms, SWEEP_MAX_MS));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &server->listen_fd)
                on_accept(server);
            else if (events[i].data.ptr == &server->wake_fd)
                take_finished(server);
            else
                on_event(server, events[i].data.ptr, events[i].events);
        }
        sweep(server);
        free_closed(server);
    }
    return NULL;
}

void tcp_loop_clean(struct tcp_server *server)
{
    while (server->first != NULL)
        close_connection(server, server->first);
    free_closed(server);
}
