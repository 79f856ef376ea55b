/* The only file that includes strophe.h (its xmpp_stop and xmpp_shutdown are why xmpp.h has neither). */
#include "xmpp/stanza.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <strophe.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/text.h"

enum { DEPTH_MAX = 16 };

struct stanza_builder {
    struct arena *arena;
    xmpp_mem_t memory; /* libstrophe keeps a pointer to it */
    xmpp_ctx_t *context;
    xmpp_stanza_t *open[DEPTH_MAX];
    size_t depth;
    enum err err;
};

/* libstrophe's realloc does not say how long a block is: its length stands before it. */
struct block {
    alignas(max_align_t) size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static void *memory_alloc(size_t size, void *arena)
{
    struct block *block = arena_alloc(arena, sizeof *block + size);
    block->size = size;
    return block->bytes;
}

static void memory_free(void *bytes, void *arena)
{
    (void)bytes; /* freed with the arena */
    (void)arena;
}

static void *memory_realloc(void *bytes, size_t size, void *arena)
{
    void *moved = memory_alloc(size, arena);
    if (bytes != NULL) {
        size_t old = ((struct block *)((unsigned char *)bytes - offsetof(struct block, bytes)))->size;
        memcpy(moved, bytes, old < size ? old : size);
    }
    return moved;
}

struct stanza_builder *stanza_builder_new(void)
{
    struct arena *arena = arena_new();
    struct stanza_builder *builder = arena_alloc(arena, sizeof *builder);
    builder->arena = arena;
    builder->memory = (xmpp_mem_t){memory_alloc, memory_free, memory_realloc, arena};
    builder->context = xmpp_ctx_new(&builder->memory, NULL);
    builder->err = builder->context != NULL ? OK : ERR_INTERNAL;
    return builder;
}

void stanza_builder_free(struct stanza_builder **builder)
{
    if (*builder == NULL)
        return;
    struct arena *arena = (*builder)->arena; /* the builder, the context and all trees lie in it */
    *builder = NULL;
    arena_free(&arena);
}

static void fail(struct stanza_builder *builder, enum err err)
{
    if (builder->err == OK)
        builder->err = err;
}

/* libstrophe's setters fail only for want of memory or for a misuse. */
static void check(struct stanza_builder *builder, int result)
{
    if (result != XMPP_EOK)
        fail(builder, ERR_INTERNAL);
}

static xmpp_stanza_t *innermost(struct stanza_builder *builder)
{
    return builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
}

void stanza_open(struct stanza_builder *builder, const char *name, const char *ns)
{
    if (builder->depth == DEPTH_MAX)
        fail(builder, ERR_INTERNAL);
    if (builder->err != OK)
        return;
    xmpp_stanza_t *stanza = xmpp_stanza_new(builder->context);
    check(builder, xmpp_stanza_set_name(stanza, name));
    if (ns != NULL)
        check(builder, xmpp_stanza_set_ns(stanza, ns));
    if (builder->depth > 0)
        check(builder, xmpp_stanza_add_child_ex(innermost(builder), stanza, 0));
    builder->open[builder->depth++] = stanza;
}

void stanza_attribute(struct stanza_builder *builder, const char *name, const char *value)
{
    if (!text_is_xml(value, strlen(value)) || strpbrk(value, "\t\n\r") != NULL)
        fail(builder, ERR_INVALID);
    if (builder->err == OK)
        check(builder, xmpp_stanza_set_attribute(innermost(builder), name, value));
}

static void add_text(struct stanza_builder *builder, const char *bytes, size_t length)
{
    if (!text_is_xml(bytes, length) || memchr(bytes, '\r', length) != NULL)
        fail(builder, ERR_INVALID);
    if (builder->err != OK || length == 0)
        return;
    xmpp_stanza_t *text = xmpp_stanza_new(builder->context);
    check(builder, xmpp_stanza_set_text_with_size(text, bytes, length));
    check(builder, xmpp_stanza_add_child_ex(innermost(builder), text, 0));
}

void stanza_text(struct stanza_builder *builder, const char *text)
{
    add_text(builder, text, strlen(text));
}

void stanza_secret(struct stanza_builder *builder, struct secret text)
{
    add_text(builder, secret_expose(text), text.length);
}

void stanza_close(struct stanza_builder *builder)
{
    if (builder->err == OK && builder->depth > 0)
        builder->depth--;
}

enum err stanza_finish(struct stanza_builder *builder, struct buf *out)
{
    if (builder->err != OK)
        return builder->err;
    char *text = NULL;
    size_t length = 0;
    check(builder, xmpp_stanza_to_text(builder->open[0], &text, &length));
    builder->depth = 0;
    if (builder->err == OK && length > out->limit - out->length)
        fail(builder, ERR_TOO_LARGE);
    if (builder->err == OK)
        buf_append(out, text, length);
    return builder->err;
}

static void optional(struct stanza_builder *builder, const char *name, const char *value)
{
    if (value != NULL)
        stanza_attribute(builder, name, value);
}

void stanza_open_iq(struct stanza_builder *builder, const char *type, const char *from, const char *to, const char *id)
{
    stanza_open(builder, "iq", NULL);
    optional(builder, "type", type);
    optional(builder, "from", from);
    optional(builder, "to", to);
    optional(builder, "id", id);
}

void stanza_open_presence(struct stanza_builder *builder, const char *type, const char *from, const char *to)
{
    stanza_open(builder, "presence", NULL);
    optional(builder, "type", type);
    optional(builder, "from", from);
    optional(builder, "to", to);
}
