/* Where stanzas begin and end, and how large they are, found out before expat reads them.
 *
 * A server passes on what its users write, and writes it anew: one quotation mark becomes six bytes, and a namespace
 * that stood once is repeated at each attribute that has it. So a user who may send 256 KiB can cause a stanza of
 * hundreds of megabytes, and one tag of nearly that size. expat must hold a tag as a whole; here nothing is held, only
 * counted, so that what is over a limit can be passed over in any size: `skipping` says so, and only the end of the
 * stanza is looked for then.
 *
 * It tells tags, attribute values, text and CDATA sections apart; whether all that is well-formed is for expat to see.
 * It expects the bytes that come after the stream's header. Pure; part of a parser. */
#ifndef XMPP_FRAMING_H
#define XMPP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum framing_place {
    PLACE_TEXT,
    PLACE_MARKUP, /* behind "<" */
    PLACE_START_TAG,
    PLACE_VALUE, /* of an attribute */
    PLACE_END_TAG,
    PLACE_SECTION_START, /* behind "<!" */
    PLACE_SECTION        /* CDATA */
};

struct framing {
    enum framing_place place;
    uint64_t depth;  /* elements that are open, the stream's own included */
    uint64_t stanza; /* its bytes so far; 0 between stanzas */
    uint64_t tag;    /* bytes so far of what began with "<" */
    uint64_t elements;
    unsigned attributes; /* of the tag, namespace declarations included */
    char quote;          /* around the value */
    char last;           /* byte of a tag */
    unsigned matched;    /* of "<![CDATA[", or of "]]>" */
    bool skipping;
};

enum framing_result {
    FRAMING_MORE,   /* all bytes were used up, inside a stanza or between two */
    FRAMING_END,    /* of a stanza, or of the stream: depth is 1 or 0 */
    FRAMING_OVER,   /* the stanza has passed a limit; it is skipped from here on */
    FRAMING_REFUSED /* XMPP forbids it, or it goes on for ever */
};

/* Behind the stream's header. */
void framing_begin(struct framing *framing);
/* Looks at bytes up to where there is something to say; how many were used goes to used_r. For OVER and REFUSED,
 * reason_r says why; static. What passed the limit is not complete within the bytes used. */
enum framing_result framing_scan(struct framing *framing, const char *bytes, size_t length, size_t *used_r,
                                 const char **reason_r);
/* The stanza that the last scan, of that result, was in is to be skipped, as far as it has not ended already. False: it
 * was in none. */
bool framing_skip(struct framing *framing, enum framing_result result);

#endif
