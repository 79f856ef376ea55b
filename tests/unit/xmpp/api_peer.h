/* For tests: an HTTP API on a real socket, in a thread of its own. It reads requests, on connections that stay, and
 * answers each with the raw bytes that the test's function gives for it; or misbehaves. */
#ifndef TESTS_XMPP_API_PEER_H
#define TESTS_XMPP_API_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { API_CONNECTIONS_MAX = 16, API_TEXT_MAX = 16384 };

/* Instead of bytes. */
#define API_HANGS       "hang"       /* nothing more on this connection */
#define API_DROPS       "drop"       /* it is closed */
#define API_FLOODS      "flood"      /* a body without an end */
#define API_HEAD_FLOODS "head flood" /* a head without an end */
#define API_TRICKLES    "trickle"    /* a byte of a head now and then */

#define API_JSON(length, body)                                                                                         \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n" body
#define API_YES            API_JSON("1", "0")
#define API_NO             API_JSON("1", "1")
#define API_STATUS(number) "HTTP/1.1 " number " X\r\nContent-Length: 2\r\n\r\n{}"

struct api_connection {
    int fd;
    const char *misbehaves;
    size_t length;
    char text[API_TEXT_MAX]; /* of the request that is coming, or waits to be answered */
    bool complete;
};

struct api_peer {
    int listen_fd;
    char url[64];
    pthread_t thread;
    atomic_bool stopping;
    atomic_int connections;                                                     /* taken so far */
    atomic_int requests;                                                        /* read so far */
    atomic_int answer_when;                                                     /* so many wait: then all of them */
    const char *(*answer)(void *arg, const char *command, const char *request); /* head and body; on the thread */
    void *arg;
    struct api_connection open[API_CONNECTIONS_MAX];
};

static inline const char *api_body(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    return end != NULL ? end + 4 : NULL;
}

static inline bool api_is_complete(const struct api_connection *connection)
{
    const char *body = api_body(connection->text), *announced = strcasestr(connection->text, "Content-Length:");
    size_t length = 0;
    if (body == NULL || announced == NULL)
        return false;
    sscanf(announced + strlen("Content-Length:"), "%zu", &length);
    return strlen(body) >= length;
}

static inline void api_close(struct api_connection *connection)
{
    close(connection->fd);
    memset(connection, 0, sizeof *connection);
    connection->fd = -1;
}

static inline void api_write(struct api_connection *connection, const char *text)
{
    if (send(connection->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        api_close(connection);
}

static inline void api_answer(struct api_peer *peer, struct api_connection *connection)
{
    static const char *const special[] = {API_HANGS, API_FLOODS, API_HEAD_FLOODS, API_TRICKLES};
    char command[64] = "";
    sscanf(connection->text, "POST /api/%63[^ ] HTTP/1.1", command);
    const char *answer = peer->answer(peer->arg, command, connection->text);
    connection->complete = false;
    connection->length = 0;
    connection->text[0] = '\0';
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (strcmp(answer, special[i]) == 0) {
            connection->misbehaves = answer;
            if (answer != special[0])
                api_write(connection, "HTTP/1.1 200 OK\r\n");
            return;
        }
    if (strcmp(answer, API_DROPS) == 0)
        api_close(connection);
    else
        api_write(connection, answer);
}

static inline void api_misbehave(struct api_connection *connection)
{
    static char flood[65536];
    memset(flood, 'x', sizeof flood - 1);
    if (strcmp(connection->misbehaves, API_TRICKLES) == 0) {
        api_write(connection, "x");
    } else if (strcmp(connection->misbehaves, API_HANGS) != 0) {
        api_write(connection, strcmp(connection->misbehaves, API_HEAD_FLOODS) == 0 ? "X-a: " : "\r\n");
        for (int i = 0; i < 1024 && connection->fd >= 0; i++)
            api_write(connection, flood);
    }
}

static inline void api_read(struct api_peer *peer, struct api_connection *connection)
{
    const ssize_t got = recv(connection->fd, connection->text + connection->length,
                             sizeof connection->text - 1 - connection->length, 0);
    if (got <= 0) {
        api_close(connection);
        return;
    }
    connection->length += (size_t)got;
    connection->text[connection->length] = '\0';
    connection->complete = api_is_complete(connection);
    if (connection->complete)
        atomic_fetch_add(&peer->requests, 1);
    else if (connection->text[0] == '\x16') /* a TLS hello, which is no HTTP */
        api_close(connection);
}

static inline void api_take(struct api_peer *peer)
{
    const int fd = accept(peer->listen_fd, NULL, NULL);
    size_t i = 0;
    while (i < API_CONNECTIONS_MAX && peer->open[i].fd >= 0)
        i++;
    if (i < API_CONNECTIONS_MAX)
        peer->open[i].fd = fd;
    else
        close(fd);
    atomic_fetch_add(&peer->connections, 1);
}

static inline void api_answer_all(struct api_peer *peer)
{
    int waiting = 0;
    for (size_t i = 0; i < API_CONNECTIONS_MAX; i++)
        waiting += peer->open[i].fd >= 0 && peer->open[i].complete;
    for (size_t i = 0; i < API_CONNECTIONS_MAX && waiting >= peer->answer_when; i++)
        if (peer->open[i].fd >= 0 && peer->open[i].complete)
            api_answer(peer, &peer->open[i]);
}

static inline void *api_run(void *arg)
{
    struct api_peer *peer = arg;
    while (!peer->stopping) {
        struct pollfd fds[API_CONNECTIONS_MAX + 1];
        fds[API_CONNECTIONS_MAX] = (struct pollfd){.fd = peer->listen_fd, .events = POLLIN};
        for (size_t i = 0; i < API_CONNECTIONS_MAX; i++)
            fds[i] = (struct pollfd){.fd = peer->open[i].fd, .events = POLLIN};
        poll(fds, API_CONNECTIONS_MAX + 1, 10);
        if (fds[API_CONNECTIONS_MAX].revents != 0)
            api_take(peer);
        for (size_t i = 0; i < API_CONNECTIONS_MAX; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0)
                api_read(peer, &peer->open[i]);
            if (peer->open[i].fd >= 0 && peer->open[i].misbehaves != NULL)
                api_misbehave(&peer->open[i]);
        }
        api_answer_all(peer);
    }
    return NULL;
}

static inline void api_start(struct api_peer *peer, const char *(*answer)(void *, const char *, const char *),
                             void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    memset(peer, 0, sizeof *peer);
    peer->answer = answer;
    peer->arg = arg;
    peer->answer_when = 1;
    for (size_t i = 0; i < API_CONNECTIONS_MAX; i++)
        peer->open[i].fd = -1;
    peer->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listen_fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(peer->listen_fd, 16), 0);
    assert_int_equal(getsockname(peer->listen_fd, (struct sockaddr *)&address, &length), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/api", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&peer->thread, NULL, api_run, peer), 0);
}

static inline void api_stop(struct api_peer *peer)
{
    peer->stopping = true;
    pthread_join(peer->thread, NULL);
    for (size_t i = 0; i < API_CONNECTIONS_MAX; i++)
        if (peer->open[i].fd >= 0)
            close(peer->open[i].fd);
    close(peer->listen_fd);
}

#endif
