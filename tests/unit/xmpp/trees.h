/* For tests: trees made from text, inside a component stream. */
#ifndef TESTS_XMPP_TREES_H
#define TESTS_XMPP_TREES_H

#include <string.h>

#include "xmpp/parser.h"

static inline void trees_ignore_header(void *arg, const struct element *header)
{
    (void)arg;
    (void)header;
}

static inline void trees_keep(void *arg, struct tree *stanza)
{
    struct tree **kept = arg;
    tree_free(kept);
    *kept = stanza;
}

static inline void trees_ignore_skipped(void *arg, const struct element *root, const char *reason)
{
    (void)arg;
    (void)root;
    (void)reason;
}

static inline void trees_ignore_end(void *arg)
{
    (void)arg;
}

/* The caller's. NULL when the text is no stanza. */
static inline struct tree *tree_of(const char *text)
{
    static const char header[] = "<stream:stream xmlns='jabber:component:accept' "
                                 "xmlns:stream='http://etherx.jabber.org/streams'>";
    struct tree *kept = NULL;
    const struct parser_handlers handlers = {trees_ignore_header, trees_keep, trees_ignore_skipped, trees_ignore_end,
                                             &kept};
    struct parser *parser = parser_new(&handlers);
    if (parser_feed(parser, header, sizeof header - 1) != OK || parser_feed(parser, text, strlen(text)) != OK)
        tree_free(&kept);
    parser_free(&parser);
    return kept;
}

#endif
