/* Reading back what an edit of two rosters has made of them, in readings that are shared (readings.h).
 *
 * While the server has little else to do, a driver writes and reads in one go: it asks with readback_begin which
 * rosters it is to read, writes, reads those, and hands them in. While it is busy there are none, and what has been
 * written is read afterwards, together with what others have written to the same rosters meanwhile. Either way
 * readback_end gets the rest: it waits for others' readings, or has the driver make its own. While it waits, the task's
 * slots are others'. */
#ifndef XMPP_READBACK_H
#define XMPP_READBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/xmpp.h"

struct arena;
struct reading;
struct task;
struct xmpp_server;

struct readback {
    const struct xmpp_server *server;
    struct task *task;
    struct arena *arena;       /* for what is seen */
    struct roster_side *sides; /* 2; those that do not exist are not read */
    uint64_t place; /* of the last write (link_places); UINT64_MAX: readings that are in flight are too old */
    bool seen[2];   /* it has a result, be it an error */
    enum err results[2];
    struct reading *own[2]; /* that are the driver's to make */
};

void readback_init(struct readback *readback, const struct xmpp_server *server, struct task *task, struct arena *arena,
                   struct roster_side sides[2]);
/* Before writing: what is not being read is the driver's to read, unless the server is busy. readback_end must follow.
 */
void readback_begin(struct readback *readback);
/* After writing: it was sent at this place, or is over and then got it. */
void readback_written(struct readback *readback, uint64_t place);
/* Whether the driver is to read this side's roster, and has not yet; or any. */
bool readback_is_own(const struct readback *readback, size_t side);
bool readback_has_own(const struct readback *readback);
/* Where the roster of such a side is to be kept. */
struct arena *readback_arena(const struct readback *readback, size_t side);
/* What was read of such a side, or why nothing was. */
void readback_hand_in(struct readback *readback, size_t side, enum err result, const struct roster *roster);
/* After the writing, which came out as `err`: unless that is an error, the sides that have no result yet get one.
 * Returns err, or the first side's error; the other side is looked at all the same. Doing it again is harmless. */
MUST_CHECK enum err readback_end(struct readback *readback, enum err err);

#endif
