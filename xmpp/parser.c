/* The bytes are cut at the ends of stanzas, and looked at by framing.c before expat gets them: it never sees what is
 * over a limit, and can be replaced after any stanza. When a stanza is to be skipped, the expat that has begun to read
 * it is thrown away with what it holds, and the next stanza gets a new one.
 *
 * Up to the end of the stream's header there is no stanza to be counted: expat gets it in pieces that end with ">", as
 * the header does.
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
#include "xmpp/framing.h"
#include "xmpp/ns.h"

enum { PIECE_SIZE = 16 * 1024 };

/* Weak, because an expat without the fix of CVE-2023-52425 has neither the function nor what it turns off. */
XMLPARSEAPI(XML_Bool) XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

/* Between namespace and local name in what expat reports; cannot stand in either. */
static const char separator = '\n';

struct parser {
    struct parser_handlers handlers;
    XML_Parser expat;
    const char *reason; /* NULL until something was refused */
    bool repeating;     /* the header is being read again by a new expat */
    bool ended;
    struct buf header;      /* the stream's bytes up to the end of its header */
    struct framing framing; /* of what follows */
    uint64_t fed;           /* bytes that this expat has read */
    uint64_t ends;          /* stanzas that have ended */

    struct element *open[PARSER_DEPTH_MAX]; /* [0] stands for the stream and is NULL */
    size_t text_start[PARSER_DEPTH_MAX];
    size_t depth;
    struct buf text;
    struct tree *tree; /* the stanza that is being read */
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
    framing_begin(&parser->framing);
    struct arena *arena = arena_new();
    parser->handlers.opened(parser->handlers.arg, element_new(arena, NULL, name, attributes));
    arena_free(&arena);
}

static void open_stanza(struct parser *parser)
{
    struct arena *arena = arena_new();
    parser->tree = arena_alloc(arena, sizeof *parser->tree);
    parser->tree->arena = arena;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct parser *parser = arg;
    if (parser->reason != NULL)
        return;
    if (parser->depth == 0) {
        open_stream(parser, name, attributes);
        return;
    }
    if (parser->depth == PARSER_DEPTH_MAX) { /* it was counted before, but memory does not hang on that */
        parser_refuse(parser, "elements too deep");
        return;
    }
    if (parser->depth == 1)
        open_stanza(parser);
    struct element *element = element_new(parser->tree->arena, parser->open[parser->depth - 1], name, attributes);
    if (parser->depth == 1)
        parser->tree->root = element;
    if (parser->depth == 1 && element_is(element, NS_STREAM, "stream"))
        parser_refuse(parser, "a second stream header"); /* as a stanza it would have no end */
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
    XML_SetStartDoctypeDeclHandler(expat, on_doctype);
    XML_SetProcessingInstructionHandler(expat, on_instruction);
    XML_SetCommentHandler(expat, on_comment);
    /* a stanza must be seen when its last byte is here, not when more follow; PARSER_TAG_MAX bounds what that costs */
    if (XML_SetReparseDeferralEnabled != NULL)
        (void)XML_SetReparseDeferralEnabled(expat, XML_FALSE);
    return expat;
}

/* What is wrong in a character, a name or an attribute, and leaves no doubt about where elements begin and end. */
static bool is_local_fault(enum XML_Error error)
{
    switch (error) {
    case XML_ERROR_INVALID_TOKEN:
    case XML_ERROR_BAD_CHAR_REF:
    case XML_ERROR_UNDEFINED_ENTITY:
    case XML_ERROR_DUPLICATE_ATTRIBUTE:
    case XML_ERROR_UNBOUND_PREFIX:
    case XML_ERROR_UNDECLARING_PREFIX:
    case XML_ERROR_RESERVED_PREFIX_XML:
    case XML_ERROR_RESERVED_PREFIX_XMLNS:
    case XML_ERROR_RESERVED_NAMESPACE_URI:
        return true;
    default:
        return false;
    }
}

/* NULL, also when it refuses the stream; else a fault that a stanza can be skipped for. Text is given to the handlers
 * at once and a tag has its limit, so what expat still holds back then is an entity's name. */
static const char *feed_expat(struct parser *parser, const char *bytes, size_t length)
{
    parser->fed += length;
    if (length == 0)
        return NULL;
    if (parser->expat == NULL) {
        parser_refuse(parser, "no memory for a parser");
    } else if (XML_Parse(parser->expat, bytes, (int)length, 0) != XML_STATUS_OK) {
        enum XML_Error error = XML_GetErrorCode(parser->expat);
        if (is_local_fault(error))
            return XML_ErrorString(error);
        parser_refuse(parser, XML_ErrorString(error));
    } else if (parser->fed - (uint64_t)XML_GetCurrentByteIndex(parser->expat) > PARSER_TAG_MAX) {
        parser_refuse(parser, "an entity that does not end");
    }
    return NULL;
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

/* A new expat that has read nothing but the header. */
static void renew(struct parser *parser)
{
    XML_ParserFree(parser->expat);
    parser->expat = expat_new(parser);
    parser->repeating = true;
    parser->depth = 0;
    parser->fed = 0;
    parser->text.length = 0;
    if (feed_expat(parser, parser->header.data, parser->header.length) != NULL)
        parser_refuse(parser, "a header that cannot be read twice");
    parser->repeating = false;
}

/* Up to the next ">": the header's end is the end of a piece then, and nothing behind it is read yet. */
static size_t feed_header(struct parser *parser, const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '>', length);
    size_t used = end != NULL ? (size_t)(end - bytes) + 1 : length;
    buf_append(&parser->header, bytes, used);
    const char *fault = parser->header.overflowed ? "a header over 64 KiB" : feed_expat(parser, bytes, used);
    if (fault != NULL)
        parser_refuse(parser, fault);
    return used;
}

/* expat has read what was complete before. */
static void begin_to_skip(struct parser *parser, const char *reason)
{
    const struct element *root = parser->tree != NULL ? parser->tree->root : NULL;
    parser->handlers.skipped(parser->handlers.arg, root, reason);
    tree_free(&parser->tree);
    renew(parser);
}

/* Up to the end of a stanza, or to where it is known that it is to be skipped. */
static size_t feed_stanza(struct parser *parser, const char *bytes, size_t length)
{
    bool skipping = parser->framing.skipping;
    const char *reason, *fault = NULL;
    size_t used;
    enum framing_result result = framing_scan(&parser->framing, bytes, length, &used, &reason);
    parser->ends += result == FRAMING_END;
    if (result == FRAMING_REFUSED)
        parser_refuse(parser, reason);
    else if (!skipping)
        fault = feed_expat(parser, bytes, used);
    if (parser->reason != NULL)
        return used;
    if (fault != NULL && !framing_skip(&parser->framing, result))
        parser_refuse(parser, fault);
    else if (fault != NULL || result == FRAMING_OVER)
        begin_to_skip(parser, fault != NULL ? fault : reason);
    else if (result == FRAMING_END && parser->fed > PARSER_RENEW_AFTER && !parser->ended)
        renew(parser);
    return used;
}

uint64_t parser_unfinished(const struct parser *parser)
{
    return parser->framing.stanza > 0 ? parser->ends + 1 : 0;
}

enum err parser_feed(struct parser *parser, const char *bytes, size_t length)
{
    while (length > 0 && parser->reason == NULL && !parser->ended) {
        size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;
        bool header = parser->depth == 0;
        size_t used = header ? feed_header(parser, bytes, piece) : feed_stanza(parser, bytes, piece);
        bytes += used;
        length -= used;
    }
    return parser->reason == NULL ? OK : ERR_XMPP;
}
