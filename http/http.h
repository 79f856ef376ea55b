/* The HTTP and HTTPS servers (libmicrohttpd), the TCP port and the ops port: what main sees of http/. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "http/route.h"

struct buf;

struct http_server;
struct tcp_server;
struct ops_server;
struct services;

struct http_config {
    const char *address; /* "127.0.0.1", "::", "0.0.0.0" */
    uint16_t port;       /* 0: the kernel chooses */
    bool tls;
    const char *tls_cert_file, *tls_key_file; /* PEM */
    unsigned threads;
    unsigned connection_limit;
    unsigned connections_per_address; /* 0: no limit */
    const char *proxies;        /* whose X-Forwarded-For is believed (proxies.h), not limited as above; NULL: none */
    int64_t headers_timeout_ms; /* from the connection, or the last reply, to complete headers */
    int64_t body_timeout_ms;    /* from the request line to the last byte of the body */
    int64_t call_timeout_ms;    /* from there to the answer */
    int64_t send_timeout_ms;    /* from there to the last byte of the answer read */
    const struct dialect *const *dialects; /* NULL at the end */
    struct services *services;
};

MUST_CHECK enum err http_start(const struct http_config *config, struct http_server **server_r);
uint16_t http_port(const struct http_server *server);
/* No new connections; running requests go on. */
void http_quiesce(struct http_server *server);
/* Requests between their first byte and the end of their reply. */
unsigned http_active(const struct http_server *server);
/* Nothing may be suspended any more. Ends all connections. */
void http_stop(struct http_server **server);

struct tcp_config {
    const char *address;
    uint16_t port;
    bool tls; /* OpenSSL */
    const char *tls_cert_file, *tls_key_file;
    unsigned connection_limit;
    unsigned connections_per_address;
    size_t line_limit;
    int64_t idle_timeout_ms;
    int64_t call_timeout_ms;
    const struct dialect *const *dialects;
    struct services *services;
};

MUST_CHECK enum err tcp_start(const struct tcp_config *config, struct tcp_server **server_r);
uint16_t tcp_port(const struct tcp_server *server);
void tcp_quiesce(struct tcp_server *server);
unsigned tcp_active(const struct tcp_server *server);
void tcp_stop(struct tcp_server **server);

/* The ops port: /livez, /readyz, /readyz/login, /metrics. `ready` fills one line a part that is not ready, or that
 * somebody should look at, into `why` and says whether all are ready; it is asked on each request and must answer
 * within a second. */
struct ops_config {
    const char *address;
    uint16_t port;
    bool (*ready)(void *arg, bool login_only, struct buf *why);
    void *arg;
};
MUST_CHECK enum err ops_start(const struct ops_config *config, struct ops_server **server_r);
uint16_t ops_port(const struct ops_server *server);
void ops_stop(struct ops_server **server);

#endif
