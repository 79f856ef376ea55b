/* For tests: a parser, and what it has reported. */
#ifndef TESTS_XMPP_PARSER_FIXTURE_H
#define TESTS_XMPP_PARSER_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xmpp/ns.h"
#include "xmpp/parser.h"

#define HEADER                                                                                                         \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "                                             \
    "xmlns:stream='http://etherx.jabber.org/streams' id='42' from='x'>"

struct seen {
    struct parser *parser;
    unsigned opened;
    unsigned stanzas;
    unsigned skipped;
    unsigned closed;
    char id[16];
    struct tree *last;
    char skipped_id[16]; /* "-": the root was not known */
    const char *reason;
    bool refuse_stanza;
};

static inline void seen_on_opened(void *arg, const struct element *header)
{
    struct seen *seen = arg;
    seen->opened++;
    assert_true(element_is(header, NS_STREAM, "stream"));
    snprintf(seen->id, sizeof seen->id, "%s", element_attribute_or_empty(header, "id"));
}

static inline void seen_on_stanza(void *arg, struct tree *stanza)
{
    struct seen *seen = arg;
    seen->stanzas++;
    tree_free(&seen->last);
    seen->last = stanza;
    if (seen->refuse_stanza)
        parser_refuse(seen->parser, "not wanted");
}

static inline void seen_on_skipped(void *arg, const struct element *root, const char *reason)
{
    struct seen *seen = arg;
    seen->skipped++;
    seen->reason = reason;
    snprintf(seen->skipped_id, sizeof seen->skipped_id, "%s",
             root != NULL ? element_attribute_or_empty(root, "id") : "-");
    if (seen->refuse_stanza)
        parser_refuse(seen->parser, "not wanted");
}

static inline void seen_on_closed(void *arg)
{
    struct seen *seen = arg;
    seen->closed++;
}

static inline int seen_setup(void **state)
{
    struct seen *seen = calloc(1, sizeof *seen);
    const struct parser_handlers handlers = {seen_on_opened, seen_on_stanza, seen_on_skipped, seen_on_closed, seen};
    seen->parser = parser_new(&handlers);
    *state = seen;
    return 0;
}

static inline int seen_teardown(void **state)
{
    struct seen *seen = *state;
    parser_free(&seen->parser);
    assert_null(seen->parser);
    tree_free(&seen->last);
    free(seen);
    return 0;
}

static inline enum err feed(struct seen *seen, const char *text)
{
    return parser_feed(seen->parser, text, strlen(text));
}

/* A stanza of exactly `size` bytes, mostly text. */
static inline char *stanza_of(size_t size)
{
    static const char start[] = "<m><t>", end[] = "</t></m>";
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    memcpy(text, start, sizeof start - 1);
    memcpy(text + size - (sizeof end - 1), end, sizeof end - 1);
    text[size] = '\0';
    return text;
}

#endif
