/* The TCP port: starting, quiescing, stopping. What it does meanwhile is tcp_loop.c's.
 *
 * Limits: connections in all and per address (more are accepted and closed at once, so that the client knows), a line,
 * the bytes of answers that wait. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "http/http.h"
#include "http/listen.h"
#include "http/tcp_server.h"

enum { SWEEPS_PER_TIMEOUT = 8, SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 1000, THREAD_STACK = 512 * 1024 };

static int64_t sweep_interval(int64_t idle_timeout_ms)
{
    int64_t interval = idle_timeout_ms / SWEEPS_PER_TIMEOUT;
    if (interval < SWEEP_MIN_MS)
        return SWEEP_MIN_MS;
    return interval > SWEEP_MAX_MS ? SWEEP_MAX_MS : interval;
}

static enum err open_descriptors(struct tcp_server *server, const struct tcp_config *config)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->epoll_fd < 0 || server->wake_fd < 0) {
        log_error("tcp_start_failed", F("reason", strerror(errno)));
        return ERR_INTERNAL;
    }
    enum err err = listen_open(config->address, config->port, &server->listen_fd);
    if (err != OK)
        return err;
    server->number = listen_port(server->listen_fd);
    server->accepting = true;
    tcp_loop_watch(server, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN, &server->listen_fd);
    tcp_loop_watch(server, EPOLL_CTL_ADD, server->wake_fd, EPOLLIN, &server->wake_fd);
    return OK;
}

static enum err prepare(struct tcp_server *server, const struct tcp_config *config)
{
    server->port = (struct tcp_port){.services = config->services,
                                     .line_limit = config->line_limit,
                                     .idle_timeout_ms = config->idle_timeout_ms,
                                     .call_timeout_ms = config->call_timeout_ms,
                                     .finished = tcp_loop_finished};
    enum err err = router_new(config->dialects, OVER_TCP, &server->router);
    if (err != OK)
        return err;
    server->port.router = server->router;
    if (!router_first(server->router, &server->port.fallback)) {
        log_error("tcp_start_failed", F("reason", "no dialect is served over TCP"));
        return ERR_INVALID;
    }
    if (config->tls)
        err = tls_context_new(config->tls_cert_file, config->tls_key_file, &server->tls);
    return err == OK ? open_descriptors(server, config) : err;
}

enum err tcp_start(const struct tcp_config *config, struct tcp_server **server_r)
{
    struct tcp_server *server = xcalloc(1, sizeof *server);
    server->listen_fd = server->epoll_fd = server->wake_fd = -1;
    server->addresses = addresses_new(config->connections_per_address);
    server->connection_limit = config->connection_limit;
    server->sweep_interval_ms = sweep_interval(config->idle_timeout_ms);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->quiesced, NULL);
    enum err err = prepare(server, config);
    if (err == OK)
        err = thread_start("tcp", THREAD_STACK, tcp_loop, server, &server->thread);
    server->has_thread = err == OK;
    if (err != OK) {
        tcp_stop(&server);
        return err;
    }
    log_info("tcp_listening", F("tls", config->tls), F("address", config->address), F("port", server->number));
    *server_r = server;
    return OK;
}

uint16_t tcp_port(const struct tcp_server *server)
{
    return server->number;
}

void tcp_quiesce(struct tcp_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->quiesce = true;
    tcp_loop_ring(server);
    while (!server->is_quiesced)
        pthread_cond_wait(&server->quiesced, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

unsigned tcp_active(const struct tcp_server *server)
{
    return atomic_load(&server->active);
}

static void stop_thread(struct tcp_server *server)
{
    tcp_quiesce(server);
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    tcp_loop_ring(server);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    assert(server->out == 0);
    tcp_loop_clean(server);
}

void tcp_stop(struct tcp_server **server)
{
    struct tcp_server *s = *server;
    if (s == NULL)
        return;
    if (s->has_thread)
        stop_thread(s);
    int descriptors[] = {s->listen_fd, s->epoll_fd, s->wake_fd};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    }
    router_free(&s->router);
    tls_context_free(&s->tls);
    addresses_free(&s->addresses);
    pthread_cond_destroy(&s->quiesced);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *server = NULL;
}
