/* How the bounds are kept. The tail that expat holds back (a tag that is not complete) is looked at after each piece
 * that is fed, as is the size of the stanza so far: pieces are small, so neither can grow past its limit by more than
 * one. The exact size of a stanza is checked at its end. Everything else is checked in expat's callbacks before
 * anything is allocated.
 *
 * Text of all open elements lies in one buffer, used as a stack: a child's text is taken off when the child ends, so
 * that the parent's goes on where it was. */
#include "xmpp/parser.h"

#include <expat.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"

enum { PIECE_SIZE = 16 * 1024 };

/* Between namespace and local name in what expat reports; cannot stand in either. */
static const char separator = '\n';

struct parser {
    struct parser_handlers handlers;
    XML_Parser expat;
    const char *reason; /* NULL until something was refused */
    bool repeating;     /* the header is being read again by a new expat */
    bool ended;
    struct buf header; /* the stream's bytes up to the end of its header */
    int64_t fed;       /* bytes that this expat has read */

    struct element *open[PARSER_DEPTH_MAX]; /* [0] stands for the stream and is NULL */
    size_t text_start[PARSER_DEPTH_MAX];
    size_t depth;
    struct buf text;

    struct tree *tree; /* the stanza that is being read */
    int64_t stanza_start;
    size_t elements;
    size_t declarations; /* xmlns attributes of the tag that comes next */
};

void parser_refuse(struct parser *parser, const char *reason)
{
    if (parser->reason == NULL)
        parser->reason = reason;
    (void)XML_StopParser(parser->expat, XML_FALSE);
}

const char *parser_reason(const struct parser *parser)
{
    return parser->reason != NULL ? parser->reason : "";
}

/* "namespace\nlocal" or "local". */
static const char *local_name(const char *name)
{
    const char *found = strchr(name, separator);
    return found != NULL ? found + 1 : name;
}

/* Children mostly have their parent's namespace: it is then shared. */
static const char *namespace_of(struct arena *arena, const char *name, const struct element *parent)
{
    const char *end = strchr(name, separator);
    if (end == NULL)
        return "";
    size_t length = (size_t)(end - name);
    if (parent != NULL && strlen(parent->ns) == length && memcmp(parent->ns, name, length) == 0)
        return parent->ns;
    return arena_copy(arena, name, length);
}

static void copy_attributes(struct arena *arena, struct element *element, const char **attributes)
{
    size_t count = 0;
    for (const char **a = attributes; *a != NULL; a += 2)
        count += strchr(*a, separator) == NULL;
    struct element_attribute *copies = arena_array(arena, count, sizeof *copies);
    element->attributes = copies;
    element->attribute_count = count;
    for (const char **a = attributes; *a != NULL; a += 2) {
        if (strchr(*a, separator) != NULL)
            continue;
        copies->name = arena_strdup(arena, a[0]);
        copies->value = arena_strdup(arena, a[1]);
        copies++;
    }
}

static struct element *element_new(struct arena *arena, struct element *parent, const char *name,
                                   const char **attributes)
{
    struct element *element = arena_alloc(arena, sizeof *element);
    element->ns = namespace_of(arena, name, parent);
    element->name = arena_strdup(arena, local_name(name));
    element->text = "";
    copy_attributes(arena, element, attributes);
    if (parent != NULL) {
        if (parent->last != NULL)
            parent->last->next = element;
        else
            parent->first = element;
        parent->last = element;
    }
    return element;
}

static void open_stream(struct parser *parser, const char *name, const char **attributes)
{
    parser->depth = 1;
    if (parser->repeating)
        return;
    /* header holds all that was fed so far: cut it at the end of this tag */
    int64_t end = (int64_t)XML_GetCurrentByteIndex(parser->expat) + XML_GetCurrentByteCount(parser->expat);
    parser->header.length = (size_t)end;
    struct arena *arena = arena_new();
    parser->handlers.opened(parser->handlers.arg, element_new(arena, NULL, name, attributes));
    arena_free(&arena);
}

static bool tag_within_limits(struct parser *parser, const char **attributes)
{
    size_t count = parser->declarations;
    parser->declarations = 0;
    for (const char **a = attributes; *a != NULL; a += 2)
        count++;
    if (count > PARSER_ATTRIBUTES_MAX)
        parser_refuse(parser, "an element with too many attributes");
    else if (parser->depth >= PARSER_DEPTH_MAX)
        parser_refuse(parser, "elements too deep");
    else if (parser->elements >= PARSER_ELEMENTS_MAX)
        parser_refuse(parser, "a stanza of too many elements");
    return parser->reason == NULL;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct parser *parser = arg;
    if (parser->reason != NULL || !tag_within_limits(parser, attributes))
        return;
    if (parser->depth == 0) {
        open_stream(parser, name, attributes);
        return;
    }
    if (parser->depth == 1) {
        struct arena *arena = arena_new();
        parser->tree = arena_alloc(arena, sizeof *parser->tree);
        parser->tree->arena = arena;
        parser->stanza_start = (int64_t)XML_GetCurrentByteIndex(parser->expat);
        parser->elements = 0;
    }
    struct element *element = element_new(parser->tree->arena, parser->open[parser->depth - 1], name, attributes);
    if (parser->depth == 1)
        parser->tree->root = element;
    parser->elements++;
    parser->text_start[parser->depth] = parser->text.length;
    parser->open[parser->depth++] = element;
}

static void take_text(struct parser *parser, struct element *element, size_t start)
{
    if (parser->text.length == start)
        return;
    element->text = arena_copy(parser->tree->arena, parser->text.data + start, parser->text.length - start);
    parser->text.length = start;
}

static void on_end(void *arg, const char *name)
{
    struct parser *parser = arg;
    (void)name;
    if (parser->reason != NULL)
        return;
    parser->depth--;
    if (parser->depth == 0) {
        parser->ended = true;
        parser->handlers.closed(parser->handlers.arg);
        return;
    }
    take_text(parser, parser->open[parser->depth], parser->text_start[parser->depth]);
    if (parser->depth > 1)
        return;
    int64_t end = (int64_t)XML_GetCurrentByteIndex(parser->expat) + XML_GetCurrentByteCount(parser->expat);
    if (end - parser->stanza_start > PARSER_STANZA_MAX) {
        parser_refuse(parser, "a stanza over 4 MiB");
        return;
    }
    struct tree *tree = parser->tree;
    parser->tree = NULL;
    parser->handlers.stanza(parser->handlers.arg, tree);
}

static void on_text(void *arg, const char *text, int length)
{
    struct parser *parser = arg;
    if (parser->reason != NULL)
        return;
    if (parser->depth > 1) {
        buf_append(&parser->text, text, (size_t)length);
        return;
    }
    for (int i = 0; i < length; i++) /* white space is how peers keep a connection alive (RFC 6120, 4.6.1) */
        if (strchr(" \t\r\n", text[i]) == NULL)
            parser_refuse(parser, "text between stanzas");
}

static void on_declaration(void *arg, const char *prefix, const char *uri)
{
    struct parser *parser = arg;
    (void)prefix;
    (void)uri;
    parser->declarations++;
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public, int has_internal_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal_subset;
    parser_refuse(arg, "a DTD");
}

static void on_instruction(void *arg, const char *target, const char *data)
{
    (void)target;
    (void)data;
    parser_refuse(arg, "a processing instruction");
}

static void on_comment(void *arg, const char *data)
{
    (void)data;
    parser_refuse(arg, "a comment");
}

static XML_Parser expat_new(struct parser *parser)
{
    XML_Parser expat = XML_ParserCreateNS("UTF-8", separator);
    if (expat == NULL)
        return NULL;
    XML_SetUserData(expat, parser);
    XML_SetElementHandler(expat, on_start, on_end);
    XML_SetCharacterDataHandler(expat, on_text);
    XML_SetStartNamespaceDeclHandler(expat, on_declaration);
    XML_SetStartDoctypeDeclHandler(expat, on_doctype);
    XML_SetProcessingInstructionHandler(expat, on_instruction);
    XML_SetCommentHandler(expat, on_comment);
    /* a stanza must be seen when its last byte is here, not when more follow; PARSER_TAG_MAX bounds what that costs */
    (void)XML_SetReparseDeferralEnabled(expat, XML_FALSE);
    return expat;
}

struct parser *parser_new(const struct parser_handlers *handlers)
{
    struct parser *parser = xcalloc(1, sizeof *parser);
    parser->handlers = *handlers;
    buf_init(&parser->header, PARSER_TAG_MAX);
    buf_init(&parser->text, PARSER_STANZA_MAX);
    parser->expat = expat_new(parser);
    if (parser->expat == NULL)
        parser->reason = "no memory for a parser";
    return parser;
}

void parser_free(struct parser **parser)
{
    if (*parser == NULL)
        return;
    XML_ParserFree((*parser)->expat);
    tree_free(&(*parser)->tree);
    buf_free(&(*parser)->header);
    buf_free(&(*parser)->text);
    free(*parser);
    *parser = NULL;
}

/* Between two stanzas, with nothing held back: a new expat that has read nothing but the header. */
static void renew(struct parser *parser)
{
    XML_Parser fresh = expat_new(parser);
    if (fresh == NULL)
        return; /* the old one serves on; PARSER_WITHOUT_PAUSE_MAX bounds it */
    XML_ParserFree(parser->expat);
    parser->expat = fresh;
    parser->repeating = true;
    parser->depth = 0;
    parser->fed = (int64_t)parser->header.length;
    if (XML_Parse(fresh, parser->header.data, (int)parser->header.length, 0) != XML_STATUS_OK)
        parser_refuse(parser, "a header that cannot be read twice");
    parser->repeating = false;
}

static void look_at_sizes(struct parser *parser)
{
    int64_t held_back = parser->fed - (int64_t)XML_GetCurrentByteIndex(parser->expat);
    if (held_back > PARSER_TAG_MAX)
        parser_refuse(parser, "a tag over 64 KiB");
    else if (parser->tree != NULL && parser->fed - parser->stanza_start > PARSER_STANZA_MAX)
        parser_refuse(parser, "a stanza over 4 MiB");
    else if (parser->text.overflowed)
        parser_refuse(parser, "text over 4 MiB");
    else if (parser->depth == 1 && held_back == 0 && parser->fed > PARSER_RENEW_AFTER)
        renew(parser);
    else if (parser->fed > PARSER_WITHOUT_PAUSE_MAX)
        parser_refuse(parser, "no pause between stanzas");
}

static void feed_piece(struct parser *parser, const char *bytes, size_t length)
{
    if (parser->depth == 0) {
        buf_append(&parser->header, bytes, length);
        if (parser->header.overflowed) {
            parser_refuse(parser, "a header over 64 KiB");
            return;
        }
    }
    parser->fed += (int64_t)length;
    if (XML_Parse(parser->expat, bytes, (int)length, 0) != XML_STATUS_OK)
        parser_refuse(parser, XML_ErrorString(XML_GetErrorCode(parser->expat)));
    else
        look_at_sizes(parser);
}

enum err parser_feed(struct parser *parser, const char *bytes, size_t length)
{
    while (length > 0 && parser->reason == NULL && !parser->ended) {
        size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;
        feed_piece(parser, bytes, piece);
        bytes += piece;
        length -= piece;
    }
    return parser->reason == NULL ? OK : ERR_XMPP;
}
