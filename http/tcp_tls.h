/* The stream of a TCP connection, plain or TLS (OpenSSL), behind one pair of functions. */
#ifndef HTTP_TCP_TLS_H
#define HTTP_TCP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"

struct tls_context;
struct stream;

/* From PEM files. ERR_INVALID, logged with the reason, when they cannot be read or do not fit. The caller owns it. */
MUST_CHECK enum err tls_context_new(const char *cert_file, const char *key_file, struct tls_context **context_r);
void tls_context_free(struct tls_context **context);

/* Takes the non-blocking socket `fd`; context NULL: plain. NULL when OpenSSL has no memory (fd is closed then). */
struct stream *tcp_stream_new(struct tls_context *context, int fd);
/* Says good-bye if that can be done without waiting, and closes the socket. */
void tcp_stream_free(struct stream **stream);

enum io {
    IO_OK,     /* some bytes */
    IO_WAIT,   /* later: see stream_wants_write */
    IO_CLOSED, /* the other side has nothing more to send; we may still write */
    IO_BROKEN  /* neither way is of use any more */
};

/* At most `size` bytes; *length_r is set with IO_OK. */
enum io tcp_stream_read(struct stream *stream, void *bytes_r, size_t size, size_t *length_r);
enum io tcp_stream_write(struct stream *stream, const void *bytes, size_t length, size_t *length_r);
/* Whether a read waits for the socket to take bytes (a handshake does). */
bool tcp_stream_wants_write(const struct stream *stream);
/* Whether bytes wait in the stream that the socket will not announce again. */
bool tcp_stream_has_pending(const struct stream *stream);

#endif
