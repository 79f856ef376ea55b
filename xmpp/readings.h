/* Readings of rosters, shared: of one account at most one is in flight, and whoever wants one meanwhile waits for the
 * next, which serves all who wait for it. So an account with thousands of contacts, whose roster is as large as that,
 * is not read once for each binding that is made at the same time.
 *
 * A reading shows what was written before it was begun, on a server that handles our requests in order or has answered
 * the write. So it serves those who had written when it was begun; that is told by places, numbers that are given out
 * in the order in which things are sent (link_places). One that failed for a reason that says nothing of the roster
 * (its reader's time was over, the link broke) serves nobody, and another one of those who wait reads. After one that
 * was too large, or nearly so, the account rests (unreadable.h). Thread-safe. */
#ifndef XMPP_READINGS_H
#define XMPP_READINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/xmpp.h"

struct arena;
struct reading;
struct readings;

/* `places` is the last place that was given out; it must outlive them. */
struct readings *readings_new(const atomic_uint_least64_t *places);
/* Nobody may have or wait for any. */
void readings_free(struct readings **readings);

/* Whether its roster was too large a moment ago. `parts` as in unreadable.h. */
bool readings_rest(struct readings *readings, const char *local, int parts);

/* What a reading is to who has it. */
enum reading_part {
    READING_MINE,     /* he carries it out, now, and ends it with reading_finish in any case */
    READING_ANOTHERS, /* reading_wait tells when it is carried out */
};

/* For who has not written yet: a reading that is his, or NULL when one of this account is in flight. `local` is the
 * local part of its JID. */
struct reading *readings_begin(struct readings *readings, const char *local);
/* For who has written, at the place: a reading that shows it. */
struct reading *readings_join(struct readings *readings, const char *local, uint64_t place, enum reading_part *part_r);
/* Until another's reading is carried out, or may be begun and has become one's own. ERR_TIMEOUT after deadline_ms;
 * ERR_BUSY: it failed and says nothing, to be dropped and joined anew. Who has a reading of his own to carry out must
 * not wait. */
MUST_CHECK enum err reading_wait(struct reading *reading, int64_t deadline_ms, enum reading_part *part_r);

/* What the roster that is read, or was read, is kept in; the reading's. */
struct arena *reading_arena(struct reading *reading);
/* What was read. `roster` and all in it is in reading_arena; not looked at on an error. */
void reading_finish(struct reading *reading, enum err result, const struct roster *roster);
/* Once it is carried out: OK and the roster, or why there is none. */
enum err reading_result(const struct reading *reading, const struct roster **roster_r);
/* No more use is made of it, by this one; nulls the pointer. A null pointer in it is fine. */
void reading_drop(struct reading **reading);

#endif
