/* The growable buffer. Capacity doubles up to limit + 1 (the NUL); old memory is wiped when it is left behind, because
 * request bodies and stanzas with passwords pass through. */
#include "component/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/secret.h"

enum { FIRST_CAPACITY = 256 };

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_free(struct buf *buf)
{
    if (buf->data)
        secret_wipe(buf->data, buf->capacity);
    free(buf->data);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflowed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* The smallest doubling that holds `needed` bytes, which are at most limit + 1. */
static size_t capacity_for(const struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity < needed && capacity <= buf->limit / 2)
        capacity *= 2;
    return capacity < needed || capacity > buf->limit ? buf->limit + 1 : capacity;
}

/* Makes room for `more` bytes and the NUL; false, and the buffer marked, when that would pass the limit. */
static bool reserve(struct buf *buf, size_t more)
{
    if (more > buf->limit - buf->length) {
        buf->overflowed = true;
        return false;
    }
    size_t needed = buf->length + more + 1;
    if (needed <= buf->capacity)
        return true;

    size_t capacity = capacity_for(buf, needed);
    char *data = xmalloc(capacity);
    if (buf->data) {
        memcpy(data, buf->data, buf->length + 1);
        secret_wipe(buf->data, buf->capacity);
        free(buf->data);
    }
    data[buf->length] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, const void *bytes, size_t length)
{
    if (length == 0 || !reserve(buf, length))
        return;
    memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        buf->overflowed = true;
        return;
    }
    if (length == 0 || !reserve(buf, (size_t)length))
        return;

    va_start(args, format);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}

void buf_consume(struct buf *buf, size_t length)
{
    if (length > buf->length)
        length = buf->length;
    if (length == 0)
        return;
    buf->length -= length;
    memmove(buf->data, buf->data + length, buf->length + 1);
}

const char *buf_cstr(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
