/* The HTTP and HTTPS servers: libmicrohttpd with an epoll thread or a pool of them.
 *
 * What libmicrohttpd does: sockets, TLS, the grammar of requests, keep-alive. What it is not let do: parse parameters
 * (it cuts at NULs and takes broken escapes), time connections out (see connection.h), listen, count addresses (it
 * counts single IPv6 addresses), or log (a path may hold anything).
 *
 * Threads: its own. The first callback of a request makes the exchange, NOTIFY_COMPLETED frees it; nothing in between
 * blocks. The limit on connections is shared out evenly among the threads by libmicrohttpd.
 *
 * TLS: 1.2 and 1.3, forward secret, authenticated encryption only. X25519 stands first, because a client that offers
 * only that share would otherwise cost another round trip; AES-128 before AES-256, because the hash that goes with it
 * (SHA-256) is the one that processors compute themselves, and a handshake hashes a lot. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/secret.h"
#include "http/file.h"
#include "http/handshake.h"
#include "http/listen.h"
#include "http/server.h"

enum {
    /* Request line and headers, libmicrohttpd's records of them (56 bytes each), cookies once more, the reply's
     * headers: room for HEADERS_LIMIT, and then it answers 431 or 414. It is taken per connection, idle ones too. */
    CONNECTION_MEMORY = 16 * 1024,
    THREAD_STACK = 512 * 1024,
};

static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:"
                                     "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
                                     "-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:"
                                     "-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE";

static enum MHD_Result on_accept(void *arg, const struct sockaddr *address, socklen_t length)
{
    struct http_server *server = arg;
    (void)length;
    if (!addresses_full(server->addresses, peer_key(address)) || proxies_hold(server->proxies, address))
        return MHD_YES;
    metric_add(M_HTTP_CUT, "address_limit", 1);
    return MHD_NO;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct peer_key peer = peer_key(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
        int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        addresses_enter(server->addresses, peer);
        struct connection *connection = connection_open(server->connections, mhd, fd, peer);
        handshake_prepare(mhd, connection);
        *context = connection;
        metric_move(M_HTTP_CONNECTIONS, 1);
    } else if (*context != NULL) {
        struct connection *connection = *context;
        addresses_leave(server->addresses, connection_peer(connection));
        connection_close(&connection);
        *context = NULL;
        metric_move(M_HTTP_CONNECTIONS, -1);
    }
}

static void *on_request_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    return exchange_open(arg, mhd, uri);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context)
{
    (void)arg, (void)mhd, (void)url;
    return exchange_step(*context, method, version, data, size);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode termination)
{
    (void)arg, (void)mhd, (void)termination;
    struct exchange *exchange = *context;
    if (exchange != NULL)
        exchange_close(&exchange);
    *context = NULL;
}

/* Escapes are decoded by us, after the path was compared and the query split. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg, (void)mhd;
    return strlen(text);
}

/* Takes the listening socket. */
static struct MHD_Daemon *start_daemon(struct http_server *server, int fd, struct MHD_OptionItem *tls)
{
    const struct http_config *config = &server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    if (config->tls)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, on_accept, server, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_THREAD_POOL_SIZE, config->threads > 1 ? config->threads : 0,
                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_CONNECTION_LIMIT,
                            config->connection_limit, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
                            1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
                            on_request_line, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

/* Reads the certificate and key, which libmicrohttpd parses before it returns. */
static enum err start_with_tls(struct http_server *server, int fd)
{
    char *certificate = NULL, *key = NULL;
    enum err err = file_read(server->config.tls_cert_file, &certificate);
    if (err == OK)
        err = file_read(server->config.tls_key_file, &key);
    if (err == OK) {
        struct MHD_OptionItem options[] = {
            {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
            {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
            {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
            {MHD_OPTION_TLS_NO_ALPN, 1, NULL},
            {MHD_OPTION_END, 0, NULL},
        };
        server->daemon = start_daemon(server, fd, options);
    }
    free(certificate);
    file_forget(&key);
    return err;
}

static enum err start_listening(struct http_server *server)
{
    int fd;
    enum err err = listen_open(server->config.address, server->config.port, &fd);
    if (err != OK)
        return err;
    server->port = listen_port(fd);
    if (server->config.tls) {
        err = start_with_tls(server, fd);
    } else {
        struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
        server->daemon = start_daemon(server, fd, none);
    }
    if (server->daemon != NULL)
        return OK;
    close(fd);
    if (err == OK)
        log_error("http_start_failed", F("tls", server->config.tls),
                  F("reason", server->config.tls ? "certificate and key do not fit, or no resources" : "no resources"));
    return err == OK ? ERR_INTERNAL : err;
}

enum err http_start(const struct http_config *config, struct http_server **server_r)
{
    struct http_server *server = xcalloc(1, sizeof *server);
    struct connection_timeouts timeouts = {config->headers_timeout_ms, config->body_timeout_ms,
                                           config->send_timeout_ms};
    server->config = *config;
    server->addresses = addresses_new(config->connections_per_address);
    enum err err = proxies_new(config->proxies != NULL ? config->proxies : "", &server->proxies);
    if (err != OK)
        log_error("http_proxies_malformed");
    if (err == OK)
        err = router_new(config->dialects, OVER_HTTP, &server->router);
    if (err == OK)
        err = connections_start(&timeouts, &server->connections);
    if (err == OK)
        err = start_listening(server);
    if (err != OK) {
        http_stop(&server);
        return err;
    }
    log_info("http_listening", F("tls", config->tls), F("address", config->address), F("port", server->port));
    *server_r = server;
    return OK;
}

uint16_t http_port(const struct http_server *server)
{
    return server->port;
}

/* The socket stops listening at once, but is closed only when libmicrohttpd's threads are gone: they may be about to
 * use its number. */
void http_quiesce(struct http_server *server)
{
    if (atomic_exchange(&server->quiescing, true))
        return;
    server->listen_fd = MHD_quiesce_daemon(server->daemon);
    if (server->listen_fd >= 0)
        shutdown(server->listen_fd, SHUT_RDWR);
}

unsigned http_active(const struct http_server *server)
{
    return atomic_load(&server->active);
}

void http_stop(struct http_server **server)
{
    struct http_server *s = *server;
    if (s == NULL)
        return;
    if (s->connections != NULL)
        connections_stop(s->connections);
    if (s->daemon != NULL) {
        http_quiesce(s);
        MHD_stop_daemon(s->daemon); /* every connection was closed, every exchange freed */
        if (s->listen_fd >= 0)
            close(s->listen_fd);
    }
    connections_free(&s->connections);
    router_free(&s->router);
    addresses_free(&s->addresses);
    proxies_free(&s->proxies);
    free(s);
    *server = NULL;
}
