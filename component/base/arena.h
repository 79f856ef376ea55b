/* An arena: memory that is freed all at once. A request's memory goes with the request.
 *
 * Not thread-safe: one holder at a time. Freed memory is wiped first, because passwords and tokens pass through it.
 * The system having no memory left ends the process with a log line: nothing in a daemon of this size can go on then,
 * and what strangers can make us hold is bounded where it enters. So no function here returns NULL. */
#ifndef REGISTRAR_BASE_ARENA_H
#define REGISTRAR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "component/base/err.h"

struct arena;

/* The caller owns it and gives it back with arena_free. No memory beyond the first block (4 KiB) is taken before it is
 * used. */
struct arena *arena_new(void);
/* Wipes and frees all that was allocated from it, and nulls the pointer. A null pointer in it is fine. */
void arena_free(struct arena **arena);

/* Zeroed, aligned for any type, valid until arena_free. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* arena_alloc(count * size) with the product checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* Bytes taken so far, for tests and metrics. */
size_t arena_used(const struct arena *arena);

/* malloc, calloc and strdup that end the process instead of failing; free() gives them back. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
char *xstrdup(const char *text);

#endif
