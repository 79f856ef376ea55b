/* How a roster differs from what is expected of it. Pure. */
#ifndef REGISTRAR_JOBS_COMPARE_H
#define REGISTRAR_JOBS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "xmpp/xmpp.h"

struct arena;

enum difference_kind {
    DIFFERENCE_VANISHED,     /* the JID is not there */
    DIFFERENCE_RISEN,        /* a cancelled account's JID is there */
    DIFFERENCE_MISSING,      /* an item is not there */
    DIFFERENCE_SUBSCRIPTION, /* it is, but not as `both` */
    DIFFERENCE_NAME,         /* it has another name or other groups */
    DIFFERENCE_LEFT_OVER,    /* an item is there that should not be */
    DIFFERENCE_KINDS
};
/* A word for the log and for metrics; static. */
const char *difference_name(enum difference_kind kind);

struct expected_item {
    struct roster_item item;
    bool settled; /* false: somebody is just changing it, and nothing can be said */
};
/* LEFT_OVER: a JID of the domain that nothing is expected of; whether it is a left-over is still to be found out. */
struct difference {
    enum difference_kind kind;
    size_t index; /* of the expected item; not for LEFT_OVER */
    size_t seen;  /* the roster's item; not for MISSING */
};
/* In the arena, those of expected items first and in their order. `domain` is the JIDs'. Groups that the server cannot
 * be told are not expected of it. */
void compare_roster(struct arena *arena, const struct expected_item *expected, size_t count, const struct roster *seen,
                    const char *domain, struct difference **differences_r, size_t *count_r);

#endif
