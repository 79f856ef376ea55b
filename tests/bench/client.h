/* One connection of the load generator: requests go out, at most `depth` of them unanswered; answers come back in
 * order. Loopback only, and not for production: whatever goes wrong ends the process with a message, because a figure
 * from a run with faults is worth nothing. One thread. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct client;
struct ssl_ctx_st;

enum { CLIENT_DEPTH_MAX = 64 };

enum client_protocol { CLIENT_HTTP, CLIENT_LINES };

struct client_config {
    enum client_protocol protocol; /* how an answer ends */
    struct ssl_ctx_st *tls;        /* NULL: plain */
    uint16_t port;                 /* of 127.0.0.1 */
    const char *path;              /* of a Unix socket instead; NULL: the port */
    /* An answer came, whole; it took so long from client_send. */
    void (*answered)(void *arg, const char *answer, size_t length, int64_t took_us);
    void *arg;
};

/* Connects, with the TLS handshake done. The config must outlive it; the caller owns it. */
struct client *client_open(const struct client_config *config);
void client_close(struct client **client);
int client_fd(const struct client *client);
/* Requests that were sent and not answered. */
unsigned client_unanswered(const struct client *client);
/* Queues a request; client_flush writes what is queued. At most CLIENT_DEPTH_MAX may be unanswered. */
void client_send(struct client *client, const char *bytes, size_t length);
void client_flush(struct client *client);
/* Reads what is there. */
void client_read(struct client *client);

#endif
