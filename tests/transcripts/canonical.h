/* An XMPP stream as lines: its header, each stanza, and its end tag, in Canonical XML (W3C, C14N 1.0): attributes in
 * one order, in double quotes, empty elements as two tags, no namespace declared that is declared already. What stands
 * in the header holds for the stanzas. So two lines are equal when they mean the same to an XMPP server. */
#ifndef TESTS_TRANSCRIPTS_CANONICAL_H
#define TESTS_TRANSCRIPTS_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

struct canonical;

/* `line` is called from canonical_feed; the text is valid during the call. */
struct canonical *canonical_new(void (*line)(void *arg, const char *text), void *arg);
void canonical_free(struct canonical **canonical);
/* False: it is no XML. */
bool canonical_feed(struct canonical *canonical, const char *bytes, size_t length);

#endif
