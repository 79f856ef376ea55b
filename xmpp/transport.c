/* Straight-line connecting: each wait is one poll on the socket and the wake descriptor. Once connected, reads and
 * writes never wait. TLS may need to write in order to read and the other way round (key updates): the direction that
 * OpenSSL asked for is remembered for the next poll. */
#include "xmpp/transport.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/resolve.h"
#include "xmpp/tls.h"
#include "xmpp/xmpp.h"

enum { LONGEST_POLL_MS = 60 * 1000 };

struct transport {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool read_wants_write;
    bool write_wants_read;
    bool exposed;
    char reason[TRANSPORT_REASON_SIZE];
};

/* As in "connection refused": strerror's text in lower case. */
static void reason_of_errno(char reason_r[TRANSPORT_REASON_SIZE], int error)
{
    char text[TRANSPORT_REASON_SIZE];
    snprintf(reason_r, TRANSPORT_REASON_SIZE, "%s", strerror_r(error, text, sizeof text));
    reason_r[0] = (char)tolower((unsigned char)reason_r[0]);
}

bool transport_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET);
}

/* OK: the socket is ready (or broken, which the next call on it tells). */
static enum err wait_for(int fd, short events, int wake_fd, int64_t deadline_ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = wake_fd, .events = POLLIN}};
    while (poll(fds, 2, clock_left(deadline_ms, LONGEST_POLL_MS)) <= 0)
        if (clock_ms() >= deadline_ms)
            return ERR_TIMEOUT;
    return fds[0].revents != 0 ? OK : ERR_SHUTDOWN;
}

static enum err await_connection(int fd, int wake_fd, int64_t deadline_ms, char reason_r[TRANSPORT_REASON_SIZE])
{
    enum err err = wait_for(fd, POLLOUT, wake_fd, deadline_ms);
    if (err != OK) {
        snprintf(reason_r, TRANSPORT_REASON_SIZE, "no connection in time");
        return err;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0)
        return OK;
    reason_of_errno(reason_r, error);
    return ERR_XMPP_DOWN;
}

static enum err connect_to(const struct addrinfo *address, int wake_fd, int64_t deadline_ms, int *fd_r,
                           char reason_r[TRANSPORT_REASON_SIZE])
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        reason_of_errno(reason_r, errno);
        return ERR_XMPP_DOWN;
    }
    const int on = 1; /* pipelined stanzas go out at once */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    enum err err = OK;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        if (errno == EINPROGRESS) {
            err = await_connection(fd, wake_fd, deadline_ms, reason_r);
        } else {
            reason_of_errno(reason_r, errno);
            err = ERR_XMPP_DOWN;
        }
    }
    if (err == OK)
        *fd_r = fd;
    else
        close(fd);
    return err;
}

static bool may_connect(const struct xmpp_config *config, const struct sockaddr *address)
{
    return config->tls == XMPP_TLS_DIRECT || config->way_protected || transport_is_loopback(address);
}

static enum err connect_any(const struct xmpp_config *config, const struct addrinfo *addresses, int wake_fd,
                            int64_t deadline_ms, int *fd_r, bool *exposed_r, char reason_r[TRANSPORT_REASON_SIZE])
{
    int left = 0;
    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next)
        left++;
    enum err err = ERR_XMPP_DOWN;
    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next, left--) {
        if (!may_connect(config, address->ai_addr)) {
            snprintf(reason_r, TRANSPORT_REASON_SIZE, "a plain link off loopback is refused");
            continue;
        }
        int64_t now = clock_ms();
        int64_t share = deadline_ms > now ? now + (deadline_ms - now) / left : now;
        err = connect_to(address, wake_fd, share, fd_r, reason_r);
        *exposed_r = err == OK && config->tls == XMPP_TLS_NEVER && !transport_is_loopback(address->ai_addr);
        if (err == OK || err == ERR_SHUTDOWN)
            break;
    }
    return err;
}

static enum err handshake(struct transport *transport, const struct xmpp_config *config, int wake_fd,
                          int64_t deadline_ms)
{
    enum err err = tls_new(config, transport->fd, &transport->ssl, transport->reason, sizeof transport->reason);
    while (err == OK) {
        ERR_clear_error();
        int result = SSL_connect(transport->ssl);
        if (result == 1)
            break;
        int want = SSL_get_error(transport->ssl, result);
        if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) {
            tls_reason(transport->ssl, transport->reason, sizeof transport->reason);
            return ERR_XMPP_DOWN;
        }
        snprintf(transport->reason, sizeof transport->reason, "no TLS handshake in time");
        err = wait_for(transport->fd, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, wake_fd, deadline_ms);
    }
    if (err == OK && tls_check_pin(config, transport->ssl) != OK) {
        snprintf(transport->reason, sizeof transport->reason, "the server's certificate is not the pinned one");
        err = ERR_XMPP_DOWN;
    }
    return err;
}

enum err transport_open(const struct xmpp_config *config, struct resolver *resolver, int wake_fd, int64_t deadline_ms,
                        struct transport **transport_r, char reason_r[TRANSPORT_REASON_SIZE])
{
    struct addrinfo *addresses = NULL;
    const char *unresolved = "";
    enum err err = resolver_lookup(resolver, wake_fd, deadline_ms, &addresses, &unresolved);
    if (err != OK) {
        snprintf(reason_r, TRANSPORT_REASON_SIZE, "%s", unresolved);
        return err;
    }
    struct transport *transport = xcalloc(1, sizeof *transport);
    transport->fd = -1;
    err = connect_any(config, addresses, wake_fd, deadline_ms, &transport->fd, &transport->exposed, transport->reason);
    freeaddrinfo(addresses);
    if (err == OK && config->tls == XMPP_TLS_DIRECT)
        err = handshake(transport, config, wake_fd, deadline_ms);
    if (err != OK) {
        snprintf(reason_r, TRANSPORT_REASON_SIZE, "%s", transport->reason);
        transport_close(&transport);
        return err;
    }
    *transport_r = transport;
    return OK;
}

void transport_close(struct transport **transport)
{
    if (*transport == NULL)
        return;
    if ((*transport)->ssl != NULL && (*transport)->reason[0] == '\0')
        (void)SSL_shutdown((*transport)->ssl); /* our close_notify; the peer's is not waited for */
    SSL_free((*transport)->ssl);
    if ((*transport)->fd >= 0)
        close((*transport)->fd);
    ERR_clear_error();
    free(*transport);
    *transport = NULL;
}

static enum transport_result after_syscall(struct transport *transport, ssize_t result, size_t *length_r)
{
    if (result > 0) {
        *length_r = (size_t)result;
        return TRANSPORT_DONE;
    }
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return TRANSPORT_AGAIN;
    if (result < 0)
        reason_of_errno(transport->reason, errno);
    else
        snprintf(transport->reason, sizeof transport->reason, "the server closed the connection");
    return TRANSPORT_BROKEN;
}

/* `crossed` is set when the operation waits for the opposite direction. */
static enum transport_result after_ssl(struct transport *transport, int result, int opposite, bool *crossed)
{
    if (result == 1)
        return TRANSPORT_DONE;
    int want = SSL_get_error(transport->ssl, result);
    *crossed = want == opposite;
    if (want == SSL_ERROR_WANT_READ || want == SSL_ERROR_WANT_WRITE)
        return TRANSPORT_AGAIN;
    if (want == SSL_ERROR_ZERO_RETURN)
        snprintf(transport->reason, sizeof transport->reason, "the server closed the connection");
    else
        tls_reason(transport->ssl, transport->reason, sizeof transport->reason);
    return TRANSPORT_BROKEN;
}

/* What came is acknowledged now. Prosody writes a stanza of more than 8 KiB in pieces and leaves Nagle's algorithm on:
 * the next piece would wait for the acknowledgement, which the kernel puts off for 40 ms. */
static void acknowledge(const struct transport *transport)
{
    const int on = 1;
    (void)setsockopt(transport->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static enum transport_result read_ssl(struct transport *transport, void *bytes_r, size_t size, size_t *length_r)
{
    ERR_clear_error();
    transport->read_wants_write = false;
    int result = SSL_read_ex(transport->ssl, bytes_r, size, length_r);
    return after_ssl(transport, result, SSL_ERROR_WANT_WRITE, &transport->read_wants_write);
}

enum transport_result transport_read(struct transport *transport, void *bytes_r, size_t size, size_t *length_r)
{
    enum transport_result result = transport->ssl == NULL
                                       ? after_syscall(transport, recv(transport->fd, bytes_r, size, 0), length_r)
                                       : read_ssl(transport, bytes_r, size, length_r);
    if (result == TRANSPORT_AGAIN)
        acknowledge(transport);
    return result;
}

enum transport_result transport_write(struct transport *transport, const void *bytes, size_t length, size_t *written_r)
{
    if (transport->ssl == NULL)
        return after_syscall(transport, send(transport->fd, bytes, length, MSG_NOSIGNAL), written_r);
    ERR_clear_error();
    transport->write_wants_read = false;
    int result = SSL_write_ex(transport->ssl, bytes, length, written_r);
    return after_ssl(transport, result, SSL_ERROR_WANT_READ, &transport->write_wants_read);
}

bool transport_is_exposed(const struct transport *transport)
{
    return transport->exposed;
}

int transport_fd(const struct transport *transport)
{
    return transport->fd;
}

short transport_events(const struct transport *transport, bool writing)
{
    bool out = transport->read_wants_write || (writing && !transport->write_wants_read);
    return (short)(POLLIN | (out ? POLLOUT : 0));
}

const char *transport_reason(const struct transport *transport)
{
    return transport->reason;
}
