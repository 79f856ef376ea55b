/* Keeps libmicrohttpd from spinning while a TLS handshake waits for the client.
 *
 * libmicrohttpd (0.9.75, and 1.0.1 still) does not note that gnutls_handshake() wants more bytes: the connection counts
 * as readable and is run again at once, with epoll_wait(0) in between, until the bytes come. That doubles what a new
 * connection costs, and a client that sends one byte keeps a whole thread busy. Its interface offers no remedy but
 * this: reading for GnuTLS ourselves, and suspending the connection whenever there is nothing to read before the
 * handshake is over; connection_wait resumes it when there is. libmicrohttpd documents suspending for other callbacks
 * than this one, but what it does is the same: it runs on the connection's thread, and each place behind the handshake
 * looks whether the connection is suspended (daemon.c, call_handlers; connection.c, MHD_connection_handle_idle).
 *
 * Writing needs no such care: what a server sends in a handshake fits into an empty socket's buffer. */
#include "http/handshake.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/socket.h>

static ssize_t pull_waiting(gnutls_transport_ptr_t transport, void *bytes_r, size_t size)
{
    struct connection *connection = transport;
    ssize_t got = recv(connection_fd(connection), bytes_r, size, 0);
    if (got < 0 && errno == EAGAIN) {
        connection_wait(connection);
        errno = EAGAIN;
    }
    return got;
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *bytes_r, size_t size)
{
    return recv(connection_fd(transport), bytes_r, size, 0);
}

static int pull_timeout(gnutls_transport_ptr_t transport, unsigned ms)
{
    return gnutls_system_recv_timeout((gnutls_transport_ptr_t)(intptr_t)connection_fd(transport), ms);
}

/* After the client's last message of the handshake has been read. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    (void)type, (void)when, (void)message;
    if (incoming)
        gnutls_transport_set_pull_function(session, pull);
    return 0;
}

void handshake_prepare(struct MHD_Connection *mhd, struct connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL)
        return;
    gnutls_session_t session = info->tls_session;
    gnutls_transport_set_ptr2(session, connection, (gnutls_transport_ptr_t)(intptr_t)connection_fd(connection));
    gnutls_transport_set_pull_function(session, pull_waiting);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
}
