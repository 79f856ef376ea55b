/* Readings of rosters, shared: of one account at most one is in flight, and whoever wants one meanwhile waits for the
 * next, which serves all who wait for it. So an account with thousands of contacts, whose roster is as large as that,
 * is not read once for each binding that is made at the same time.
 *
 * A reading shows what was written before it was begun, on a server that handles our requests in order or has answered
 * the write: so who has written is served by readings alone that are begun afterwards. One that failed for a reason
 * that says nothing of the roster (its reader's time was over, the link broke) serves nobody, and another one of those
 * who wait reads. Thread-safe; nobody who has a reading to carry out waits for another one in here. */
#ifndef XMPP_READINGS_H
#define XMPP_READINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/xmpp.h"

struct arena;
struct reading;
struct readings;

struct readings *readings_new(void);
/* Nobody may have or wait for any. */
void readings_free(struct readings **readings);

/* A reading for the caller to carry out now, which he ends with reading_finish in any case; or NULL when one of this
 * account is in flight. `local` is the local part of its JID. */
struct reading *readings_begin(struct readings *readings, const char *local);
/* One that is begun from now on, by whomever: carried out, or `mine_r` and to be carried out by the caller as above.
 * ERR_TIMEOUT after deadline_ms. */
MUST_CHECK enum err readings_await(struct readings *readings, const char *local, int64_t deadline_ms,
                                   struct reading **reading_r, bool *mine_r);

/* What the roster that is read, or was read, is kept in; the reading's. */
struct arena *reading_arena(struct reading *reading);
/* What was read. `roster` and all in it is in reading_arena; not looked at on an error. */
void reading_finish(struct reading *reading, enum err result, const struct roster *roster);
/* Once it is carried out: OK and the roster, or why there is none. */
enum err reading_result(const struct reading *reading, const struct roster **roster_r);
/* No more use is made of it, by this one; nulls the pointer. A null pointer in it is fine. */
void reading_drop(struct reading **reading);

#endif
