/* Building outgoing stanzas: a cursor over libstrophe's trees.
 *
 *     stanza_open(b, "iq", NULL);
 *     stanza_attribute(b, "type", "get");
 *     stanza_open(b, "ping", NS_PING);
 *     stanza_finish(b, out);
 *
 * libstrophe writes whatever bytes it is given, so that one \x01 in a nickname would be ill-formed XML and cost the
 * whole link: everything is checked here, and what no stanza can carry makes the builder fail with ERR_INVALID. The
 * first error sticks, so that callers build freely and look once, at stanza_finish.
 *
 * libstrophe allocates from the builder's arena, through the memory functions of its context: freeing is one step, and
 * passwords that went through its trees are wiped. Not thread-safe: each operation has a builder of its own, and hands
 * over text; libstrophe's stanzas never cross threads. */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include <stddef.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct buf;
struct stanza_builder;

struct stanza_builder *stanza_builder_new(void);
void stanza_builder_free(struct stanza_builder **builder);

/* Opens an element inside the one that is open, or a stanza. At most 16 deep. ns NULL: its parent's. */
void stanza_open(struct stanza_builder *builder, const char *name, const char *ns);
/* Attributes cannot carry line breaks and tabs: libstrophe writes them raw and parsers turn them into spaces. */
void stanza_attribute(struct stanza_builder *builder, const char *name, const char *value);
/* Once an element, and not beside children. Cannot carry a carriage return, which parsers turn into a line feed. */
void stanza_text(struct stanza_builder *builder, const char *text);
void stanza_secret(struct stanza_builder *builder, struct secret text);
void stanza_close(struct stanza_builder *builder);
/* Closes what is open and appends the stanza to `out` as text; the builder is ready for the next one. On an error
 * nothing is appended: ERR_INVALID, or ERR_TOO_LARGE when `out` would pass its limit. */
MUST_CHECK enum err stanza_finish(struct stanza_builder *builder, struct buf *out);

/* The usual beginnings; NULL leaves an attribute out. */
void stanza_open_iq(struct stanza_builder *builder, const char *type, const char *from, const char *to, const char *id);
void stanza_open_presence(struct stanza_builder *builder, const char *type, const char *from, const char *to);

#endif
