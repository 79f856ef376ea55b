/* A bare XEP-0114 stream for the baseline: what a plain component would write, with nothing of registrard's own XMPP
 * side in it. Faults end the process. One thread. */
#ifndef BENCH_COMPONENT_LINK_H
#define BENCH_COMPONENT_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct component_link;

struct component_handlers {
    /* Elements as expat has them; depth 1 is a stanza. Attributes are pairs, NULL at the end. */
    void (*opened)(void *arg, unsigned depth, const char *name, const char **attributes);
    void (*closed)(void *arg, unsigned depth);
    void *arg;
};

struct component_link *component_open(const char *host, const char *port, const struct component_handlers *handlers);
/* Waits until the component is let in; handlers may be called already. */
void component_shake_hands(struct component_link *link, const char *component, const char *secret);
void component_close(struct component_link **link);
/* Appends to what is written in the next turn. Values must need no escaping. */
void component_write(struct component_link *link, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes what there is and handles what came, waiting for it until then at most. */
void component_turn(struct component_link *link, int64_t until_us);
/* The attribute, or "". */
const char *component_attribute(const char **attributes, const char *name);

#endif
