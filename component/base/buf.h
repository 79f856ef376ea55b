/* A growable byte buffer with a hard limit. What would pass the limit is not appended and marks the buffer as
 * overflowed: callers append freely and look once at the end. Always followed by a NUL. Not thread-safe. Wiped when
 * freed. */
#ifndef REGISTRAR_BASE_BUF_H
#define REGISTRAR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"

struct buf {
    char *data; /* owned; NULL until something was appended */
    size_t length;
    size_t capacity;
    size_t limit;
    bool overflowed;
};

void buf_init(struct buf *buf, size_t limit);
void buf_free(struct buf *buf);  /* wipes; the buffer may be used again after buf_init */
void buf_clear(struct buf *buf); /* length 0, memory kept, overflowed forgotten */
void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Drops the first `length` bytes (at most what is there), moving the rest to the front. */
void buf_consume(struct buf *buf, size_t length);
/* The content as a C string, "" when empty. Valid until the next change. */
const char *buf_cstr(const struct buf *buf);

#endif
