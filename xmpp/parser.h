/* Bytes of an XML stream in, elements out: expat with every size bounded.
 *
 * A pure state machine on one thread: no clock, no sockets. What XMPP forbids (RFC 6120, 11.1: comments, processing
 * instructions, DTDs) and tags that do not match end the stream. A stanza that passes a limit costs itself alone,
 * because the server's users choose what is in it; and so does one with a character, a name or an entity that expat
 * does not take: other parsers do (Openfire's lets U+FFFF through, and more characters in names than XML has). Such a
 * stanza is reported as skipped as soon as that is known, and nothing of it is kept or looked at any more but where it
 * ends. No other stanza is reported before its last byte.
 *
 * expat keeps each element and attribute name it ever saw for as long as a parser lives, and strangers choose names in
 * what they send through the server. So a parser is replaced between two stanzas once it has read PARSER_RENEW_AFTER
 * bytes; the stream's header is read again by the new one. */
#ifndef XMPP_PARSER_H
#define XMPP_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/element.h"

enum {
    PARSER_STANZA_MAX = 4 * 1024 * 1024,     /* bytes */
    PARSER_TAG_MAX = 64 * 1024,              /* bytes of one tag */
    PARSER_DEPTH_MAX = 32,                   /* elements, the stream's own included */
    PARSER_ATTRIBUTES_MAX = 32,              /* of one element, namespace declarations included */
    PARSER_ELEMENTS_MAX = 128 * 1024,        /* of one stanza */
    PARSER_SKIPPED_MAX = 1024 * 1024 * 1024, /* bytes of a stanza that is skipped; more ends the stream */
    PARSER_RENEW_AFTER = 1024 * 1024         /* bytes */
};

struct parser;

struct parser_handlers {
    void (*opened)(void *arg, const struct element *header); /* valid during the call */
    void (*stanza)(void *arg, struct tree *stanza);          /* the handler's to free */
    /* A stanza is skipped: `reason` (static) says why. Valid during the call: its root with what was complete by
     * then, NULL when the root's own tag is over a limit. */
    void (*skipped)(void *arg, const struct element *root, const char *reason);
    void (*closed)(void *arg); /* the stream's end tag */
    void *arg;
};

struct parser *parser_new(const struct parser_handlers *handlers);
void parser_free(struct parser **parser);
/* Calls handlers from inside. ERR_XMPP: what came is refused, and so is all that follows. */
MUST_CHECK enum err parser_feed(struct parser *parser, const char *bytes, size_t length);
/* Makes parser_feed fail from here on: for handlers. `reason` is static. */
void parser_refuse(struct parser *parser, const char *reason);
/* Which stanza has begun and not ended, counted from 1; 0 between two. */
uint64_t parser_unfinished(const struct parser *parser);
/* Why parser_feed failed; static; "" when it has not. */
const char *parser_reason(const struct parser *parser);

#endif
