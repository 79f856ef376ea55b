/* For tests: the other end of a component's connection, played step by step by the test itself over a real socket. What
 * is read is kept until the test has taken it; every wait ends after five seconds with a failed assertion. */
#ifndef TESTS_XMPP_PEER_H
#define TESTS_XMPP_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "xmpp/xmpp.h"

enum { PEER_WAIT_MS = 5000, PEER_TEXT_MAX = 256 * 1024, PEER_ID_SIZE = 64 };

struct peer {
    int listen_fd;
    uint16_t port;
    int fd; /* -1: nobody is connected */
    char text[PEER_TEXT_MAX];
    size_t length;
};

#define PEER_HEADER(id)                                                                                                \
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "                             \
    "xmlns='jabber:component:accept' from='registrar.example.org'" id ">"

static inline void peer_pause(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static inline void peer_open(struct peer *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->fd = -1;
    peer->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(peer->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listen_fd, 8), 0);
    assert_int_equal(getsockname(peer->listen_fd, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
}

static inline void peer_hang_up(struct peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    peer->length = 0;
    peer->text[0] = '\0';
}

static inline void peer_close(struct peer *peer)
{
    peer_hang_up(peer);
    if (peer->listen_fd >= 0)
        close(peer->listen_fd);
    peer->listen_fd = -1;
}

static inline bool peer_readable(int fd, int64_t timeout_ms)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return poll(&readable, 1, (int)timeout_ms) == 1;
}

static inline void peer_accept_socket(struct peer *peer)
{
    assert_true(peer_readable(peer->listen_fd, PEER_WAIT_MS));
    peer->fd = accept(peer->listen_fd, NULL, NULL);
    assert_true(peer->fd >= 0);
    peer->length = 0;
}

static inline void peer_write(struct peer *peer, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(send(peer->fd, text, length, MSG_NOSIGNAL), length);
}

/* False: the connection is over, or nothing came for so long. */
static inline bool peer_read_more(struct peer *peer, int64_t timeout_ms)
{
    if (!peer_readable(peer->fd, timeout_ms))
        return false;
    ssize_t got = recv(peer->fd, peer->text + peer->length, sizeof peer->text - 1 - peer->length, 0);
    if (got <= 0)
        return false;
    peer->length += (size_t)got;
    peer->text[peer->length] = '\0';
    return true;
}

/* Takes everything up to the end of `needle`; what was before it goes to before_r when that is not NULL. */
static inline void peer_expect(struct peer *peer, const char *needle, char *before_r, size_t size)
{
    const char *found;
    while ((found = strstr(peer->text, needle)) == NULL)
        if (!peer_read_more(peer, PEER_WAIT_MS))
            fail_msg("'%s' did not come; there is '%s'", needle, peer->text);
    size_t taken = (size_t)(found - peer->text) + strlen(needle);
    if (before_r != NULL)
        snprintf(before_r, size, "%.*s", (int)taken, peer->text);
    peer->length -= taken;
    memmove(peer->text, peer->text + taken, peer->length + 1);
}

/* Nothing more comes for so long. */
static inline void peer_expect_silence(struct peer *peer, int64_t ms)
{
    if (peer->length > 0 || peer_read_more(peer, ms))
        fail_msg("'%s' came", peer->text);
}

/* The connection is over, after whatever comes before. */
static inline void peer_expect_end(struct peer *peer)
{
    int64_t until = clock_ms() + PEER_WAIT_MS;
    while (peer_read_more(peer, PEER_WAIT_MS))
        peer->length = 0;
    assert_true(clock_ms() < until);
    peer_hang_up(peer);
}

static inline void peer_handshake(struct peer *peer)
{
    peer_expect(peer, "to='registrar.example.org'>", NULL, 0);
    peer_write(peer, PEER_HEADER(" id='1'"));
    /* printf 1secret | sha1sum */
    peer_expect(peer, "<handshake>bc2f114099d16656d37e45fd9e8744cb9386d462</handshake>", NULL, 0);
    peer_write(peer, "<handshake/>");
}

static inline void peer_accept(struct peer *peer)
{
    peer_accept_socket(peer);
    peer_handshake(peer);
}

/* The value of an attribute in a stanza as libstrophe writes it. */
static inline void peer_attribute(const char *stanza, const char *name, char *value_r, size_t size)
{
    char needle[64];
    snprintf(needle, sizeof needle, " %s=\"", name);
    const char *start = strstr(stanza, needle);
    assert_non_null(start);
    start += strlen(needle);
    const char *end = strchr(start, '"');
    assert_non_null(end);
    snprintf(value_r, size, "%.*s", (int)(end - start), start);
}

/* Takes the next stanza, which must end with `end`, and gives its id. */
static inline void peer_take(struct peer *peer, const char *end, char id_r[PEER_ID_SIZE])
{
    static char stanza[PEER_TEXT_MAX];
    peer_expect(peer, end, stanza, sizeof stanza);
    peer_attribute(stanza, "id", id_r, PEER_ID_SIZE);
}

/* A result with the payload, from the server's domain. */
static inline void peer_answer(struct peer *peer, const char *id, const char *payload)
{
    static char text[PEER_TEXT_MAX];
    snprintf(text, sizeof text, "<iq type='result' id='%s' from='example.org' to='registrar.example.org'>%s</iq>", id,
             payload);
    peer_write(peer, text);
}

static inline struct xmpp_config peer_config(const struct peer *peer)
{
    return (struct xmpp_config){.host = "127.0.0.1",
                                .port = peer->port,
                                .tls_ca_file = "",
                                .tls_name = "",
                                .tls_pin_sha256 = "",
                                .domain = "example.org",
                                .component = "registrar.example.org",
                                .secret = secret_of_cstr("secret"),
                                .server = "openfire",
                                .api_url = "",
                                .api_user = "",
                                .in_flight = 4,
                                .request_timeout_ms = 2000,
                                .connect_timeout_ms = 1000,
                                .ping_interval_ms = 10000,
                                .backoff_base_ms = 10,
                                .backoff_cap_ms = 40,
                                .version = "1.0"};
}

#endif
