/* What the two files of the TCP server share: tcp.c starts and stops it, tcp_loop.c is its thread. */
#ifndef HTTP_TCP_SERVER_H
#define HTTP_TCP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/addresses.h"
#include "http/tcp_connection.h"

struct tcp_server {
    struct tcp_port port; /* first: a connection's port is its server */
    struct router *router;
    struct tls_context *tls;
    struct addresses *addresses;
    unsigned connection_limit;
    int listen_fd, epoll_fd, wake_fd;
    uint16_t number;
    pthread_t thread;
    bool has_thread;

    /* The TCP thread's. */
    struct tcp_connection *first;
    struct tcp_connection *closed; /* freed at the end of the round, or when their call comes back */
    unsigned count, out;           /* open connections; calls that are out */
    bool accepting;
    int64_t sweep_interval_ms, next_sweep_ms;

    atomic_uint active;
    pthread_mutex_t lock;
    pthread_cond_t quiesced;
    struct tcp_connection *finished; /* under the lock, as what follows */
    bool quiesce, is_quiesced, stop;
};

/* The thread; `arg` is the server. */
void *tcp_loop(void *arg);
/* Wakes the thread. From any. */
void tcp_loop_ring(struct tcp_server *server);
/* Puts a finished call's connection on the list and wakes the thread. From any. */
void tcp_loop_finished(struct call *call);
/* When the thread has ended and no call is out: closes and frees every connection. */
void tcp_loop_clean(struct tcp_server *server);
/* Watches `fd`; `what` is what its events point to: a connection, &server->listen_fd or &server->wake_fd. */
void tcp_loop_watch(struct tcp_server *server, int operation, int fd, uint32_t events, void *what);

#endif
