/* The client's side of direct TLS to the component port: TLS 1.2 or newer; the server is known by a CA and its name, or
 * by the SHA-256 of its certificate. The component's secret is worth the server, so nothing is sent before that is
 * checked. */
#ifndef XMPP_TLS_H
#define XMPP_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "component/base/err.h"

struct xmpp_config;

/* A connection object over the connected socket, ready for SSL_connect. It owns its settings, not the socket. Files are
 * read anew each time, so that a renewed CA needs no restart. ERR_INVALID with reason_r: the CA file is no good. */
MUST_CHECK enum err tls_new(const struct xmpp_config *config, int fd, SSL **ssl_r, char *reason_r, size_t size);
/* After the handshake: compares the pin, if there is one. ERR_FORBIDDEN when the certificate is another. */
MUST_CHECK enum err tls_check_pin(const struct xmpp_config *config, SSL *ssl);
/* Why the handshake failed: "certificate: self-signed certificate", or OpenSSL's reason. */
void tls_reason(SSL *ssl, char *reason_r, size_t size);

#endif
