/* Plain sockets and TLS alike. One thread per stream; the context may be shared.
 *
 * TLS 1.3, and 1.2 with forward secrecy and authenticated encryption alone; no renegotiation, no client certificates.
 * The handshake happens inside the first reads. Buffers are given back while a connection is idle. OpenSSL writes with
 * write(2), so the process must ignore SIGPIPE. */
#include "http/tcp_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/log.h"

struct tls_context {
    SSL_CTX *ssl;
};

struct stream {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool wants_write;
    bool broken;
};

/* Of TLS 1.2; all of TLS 1.3's are of that kind. */
static const char suites[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static enum err refuse(const char *file, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    log_error("tls_failed", F("file", file), F("what", what), F("reason", reason));
    ERR_clear_error();
    return ERR_INVALID;
}

static enum err load(SSL_CTX *ssl, const char *cert_file, const char *key_file)
{
    if (cert_file == NULL || SSL_CTX_use_certificate_chain_file(ssl, cert_file) != 1)
        return refuse(cert_file, "certificate");
    if (key_file == NULL || SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1)
        return refuse(key_file, "key");
    if (SSL_CTX_check_private_key(ssl) != 1)
        return refuse(key_file, "key is not the certificate's");
    return OK;
}

enum err tls_context_new(const char *cert_file, const char *key_file, struct tls_context **context_r)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (ssl == NULL || SSL_CTX_set_cipher_list(ssl, suites) != 1) {
        SSL_CTX_free(ssl);
        return refuse("", "no context");
    }
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    enum err err = load(ssl, cert_file, key_file);
    if (err != OK) {
        SSL_CTX_free(ssl);
        return err;
    }
    *context_r = xcalloc(1, sizeof **context_r);
    (*context_r)->ssl = ssl;
    return OK;
}

void tls_context_free(struct tls_context **context)
{
    if (*context == NULL)
        return;
    SSL_CTX_free((*context)->ssl);
    free(*context);
    *context = NULL;
}

struct stream *tcp_stream_new(struct tls_context *context, int fd)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->fd = fd;
    if (context == NULL)
        return stream;
    stream->ssl = SSL_new(context->ssl);
    if (stream->ssl == NULL || SSL_set_fd(stream->ssl, fd) != 1) {
        tcp_stream_free(&stream);
        return NULL;
    }
    SSL_set_accept_state(stream->ssl);
    return stream;
}

void tcp_stream_free(struct stream **stream)
{
    struct stream *s = *stream;
    if (s == NULL)
        return;
    if (s->ssl != NULL) {
        ERR_clear_error();
        if (!s->broken && SSL_is_init_finished(s->ssl))
            SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
        ERR_clear_error();
    }
    close(s->fd);
    free(s);
    *stream = NULL;
}

static enum io plain_result(struct stream *stream, ssize_t result, size_t *length_r)
{
    if (result > 0) {
        *length_r = (size_t)result;
        return IO_OK;
    }
    if (result == 0)
        return IO_CLOSED;
    if (errno == EAGAIN || errno == EINTR)
        return IO_WAIT;
    stream->broken = true;
    return IO_BROKEN;
}

static enum io tls_result(struct stream *stream, int result)
{
    if (result == 1)
        return IO_OK;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return IO_WAIT;
    case SSL_ERROR_WANT_WRITE:
        stream->wants_write = true;
        return IO_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return IO_CLOSED;
    default: /* after which SSL_shutdown must not be called */
        stream->broken = true;
        return IO_BROKEN;
    }
}

enum io tcp_stream_read(struct stream *stream, void *bytes_r, size_t size, size_t *length_r)
{
    stream->wants_write = false;
    if (stream->ssl == NULL)
        return plain_result(stream, recv(stream->fd, bytes_r, size, 0), length_r);
    ERR_clear_error();
    return tls_result(stream, SSL_read_ex(stream->ssl, bytes_r, size, length_r));
}

enum io tcp_stream_write(struct stream *stream, const void *bytes, size_t length, size_t *length_r)
{
    if (stream->ssl == NULL)
        return plain_result(stream, send(stream->fd, bytes, length, MSG_NOSIGNAL), length_r);
    ERR_clear_error();
    return tls_result(stream, SSL_write_ex(stream->ssl, bytes, length, length_r));
}

bool tcp_stream_wants_write(const struct stream *stream)
{
    return stream->wants_write;
}

bool tcp_stream_has_pending(const struct stream *stream)
{
    return stream->ssl != NULL && SSL_has_pending(stream->ssl);
}
