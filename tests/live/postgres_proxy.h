/* A link to Postgres that can be cut exactly where a test wants: a socket of its own in front of the server's. It
 * serves one connection after the other. */
#ifndef TESTS_POSTGRES_PROXY_H
#define TESTS_POSTGRES_PROXY_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum proxy_fault {
    PROXY_NONE,
    PROXY_CUT_BEFORE_COMMIT, /* COMMIT is not passed on, both sides are closed */
    PROXY_CUT_AFTER_COMMIT,  /* COMMIT is passed on, its answer is not: both sides are closed */
    PROXY_LOSE_COMMIT,       /* COMMIT is not passed on, and the server does not notice that the client left */
};

struct proxy {
    char directory[32], server[108]; /* server: its socket */
    char url[96];
    int listener;
    pthread_t thread;
    _Atomic enum proxy_fault fault; /* for the next COMMIT alone */
    atomic_bool refuse;             /* new connections end at once */
    atomic_bool stop;
    int lost; /* the server's side of a connection whose COMMIT was lost; -1: none */
};

static inline bool proxy_address(struct sockaddr_un *address, const char *directory)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/.s.PGSQL.5432", directory);
    return length > 0 && (size_t)length < sizeof address->sun_path;
}

static inline int proxy_connect(const struct proxy *proxy)
{
    struct sockaddr_un address;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy_address(&address, proxy->server) && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline bool proxy_pass(int from, int to, char *bytes, size_t size, size_t *length_r)
{
    const ssize_t got = recv(from, bytes, size, 0);
    *length_r = got > 0 ? (size_t)got : 0;
    return got > 0 && (to < 0 || send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got);
}

/* The client's bytes; false when the connection is over. */
static inline bool proxy_upstream(struct proxy *proxy, int client, int *server)
{
    char bytes[65536];
    size_t length;
    if (!proxy_pass(client, -1, bytes, sizeof bytes, &length))
        return false;
    const enum proxy_fault fault = proxy->fault;
    if (fault == PROXY_NONE || memmem(bytes, length, "commit", 7) == NULL)
        return send(*server, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
    proxy->fault = PROXY_NONE;
    if (fault == PROXY_CUT_AFTER_COMMIT && send(*server, bytes, length, MSG_NOSIGNAL) == (ssize_t)length)
        while (proxy_pass(*server, -1, bytes, sizeof bytes, &length) && memmem(bytes, length, "COMMIT", 7) == NULL)
            ;
    if (fault == PROXY_LOSE_COMMIT) {
        proxy->lost = *server;
        *server = -1;
    }
    return false;
}

static inline void proxy_serve(struct proxy *proxy, int client)
{
    char bytes[65536];
    size_t length;
    int server = proxy_connect(proxy);
    bool open = server >= 0;
    while (open && !proxy->stop) {
        struct pollfd ends[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(ends, 2, 50) <= 0)
            continue;
        if (ends[0].revents != 0)
            open = proxy_upstream(proxy, client, &server);
        else
            open = proxy_pass(server, client, bytes, sizeof bytes, &length);
    }
    if (server >= 0)
        close(server);
}

static inline void *proxy_run(void *arg)
{
    struct proxy *proxy = arg;
    while (!proxy->stop) {
        struct pollfd listener = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&listener, 1, 50) <= 0)
            continue;
        const int client = accept(proxy->listener, NULL, NULL);
        if (!proxy->refuse)
            proxy_serve(proxy, client);
        close(client);
    }
    return NULL;
}

/* In front of the server whose socket lies in `directory`. */
static inline bool proxy_start(struct proxy *proxy, const char *directory)
{
    struct sockaddr_un address;
    *proxy = (struct proxy){.lost = -1};
    strcpy(proxy->directory, "/tmp/registrar-XXXXXX");
    snprintf(proxy->server, sizeof proxy->server, "%s", directory);
    if (mkdtemp(proxy->directory) == NULL || !proxy_address(&address, proxy->directory))
        return false;
    snprintf(proxy->url, sizeof proxy->url, "host=%s user=registrar dbname=postgres", proxy->directory);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(proxy->listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(proxy->listener, 8) == 0 &&
           pthread_create(&proxy->thread, NULL, proxy_run, proxy) == 0;
}

static inline void proxy_stop(struct proxy *proxy)
{
    struct sockaddr_un address;
    proxy->stop = true;
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    if (proxy->lost >= 0)
        close(proxy->lost);
    if (proxy_address(&address, proxy->directory))
        unlink(address.sun_path);
    rmdir(proxy->directory);
}

#endif
