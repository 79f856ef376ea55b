/* Arenas: a list of blocks, newest first, each filled from its start.
 *
 * The arena itself lies at the start of its first block, so that a request that stays small costs one malloc. Blocks
 * double up to 64 KiB; what is larger gets a block of its own size. Memory is never given back singly: what grows step
 * by step belongs in a struct buf. */
#include "component/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/log.h"
#include "component/base/secret.h"

enum { FIRST_BLOCK = 4 * 1024, LARGEST_BLOCK = 64 * 1024 };

struct block {
    struct block *older;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct block *newest;
    size_t used;       /* in all blocks, without the arena itself */
    size_t next_block; /* the whole size of the next block to take */
};

static _Noreturn void no_memory(size_t size)
{
    log_fatal("out_of_memory", F("bytes", size));
}

void *xmalloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        no_memory(size);
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        no_memory(size);
    return memory;
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}

static size_t aligned(size_t size)
{
    const size_t mask = alignof(max_align_t) - 1;
    if (size > SIZE_MAX / 2)
        no_memory(size);
    return size ? (size + mask) & ~mask : mask + 1;
}

static struct block *block_new(size_t data_size, struct block *older)
{
    struct block *block = xmalloc(sizeof *block + data_size);
    *block = (struct block){.older = older, .size = data_size};
    return block;
}

/* `size` is aligned and fits. */
static void *block_take(struct block *block, size_t size)
{
    void *memory = block->data + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

struct arena *arena_new(void)
{
    struct block *block = block_new(FIRST_BLOCK - sizeof(struct block), NULL);
    struct arena *arena = block_take(block, aligned(sizeof *arena));
    arena->newest = block;
    arena->next_block = (size_t)FIRST_BLOCK * 2;
    return arena;
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    /* The arena itself goes with the oldest block, so it is not touched once the list is taken from it. */
    struct block *block = (*arena)->newest;
    *arena = NULL;
    while (block) {
        struct block *older = block->older;
        secret_wipe(block->data, block->used);
        free(block);
        block = older;
    }
}

static void add_block(struct arena *arena, size_t size)
{
    size_t data_size = arena->next_block - sizeof(struct block);
    if (data_size < size)
        data_size = size;
    else if (arena->next_block < LARGEST_BLOCK)
        arena->next_block *= 2;
    arena->newest = block_new(data_size, arena->newest);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = aligned(size);
    if (arena->newest->size - arena->newest->used < size)
        add_block(arena, size);
    arena->used += size;
    return block_take(arena->newest, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t product;
    if (__builtin_mul_overflow(count, size, &product))
        no_memory(SIZE_MAX);
    return arena_alloc(arena, product);
}

char *arena_copy(struct arena *arena, const char *bytes, size_t length)
{
    if (length == SIZE_MAX)
        no_memory(length);
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        log_fatal("bad_format", F("format", format));

    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
