/* Calls that wait for something which happens elsewhere: a JID made, a binding seen in both rosters.
 *
 * A step takes a ticket for a key before it commits what it will wait for, so that the event cannot be missed; the
 * ON_WAIT step parks the call on it. waiters_punch wakes all that hold the key; a thread of its own wakes those whose
 * deadline passed. A woken call goes on with its next step, which looks in Postgres for what is true: a punch is a
 * hint, never the answer. */
#ifndef REGISTRAR_SERVICE_WAITERS_H
#define REGISTRAR_SERVICE_WAITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct call;
struct ticket;
struct waiters;

/* `limit` calls may wait at once. */
MUST_CHECK enum err waiters_new(unsigned limit, struct waiters **waiters_r);
/* Wakes all that wait, as if their time were up, and lets nobody wait any more: for the end of the program. */
void waiters_close(struct waiters *waiters);
/* Joins the thread and frees; after waiters_close. */
void waiters_free(struct waiters **waiters);

/* A ticket for a punch of each of the keys (see WAIT_KEY in services.h). The call owns it
 * until it is parked or dropped. ERR_BUSY: too many wait. */
MUST_CHECK enum err ticket_take(struct waiters *waiters, struct call *call, const uint64_t *keys, size_t count,
                                int64_t deadline_ms);
/* Gives the call's ticket back unused; fine when it has none. */
void ticket_drop(struct call *call);
/* The runner's: hands the call over until it is woken, which may be before this returns. */
void ticket_park(struct call *call);
void waiters_punch(struct waiters *waiters, uint64_t key);
/* Whether a call of this process holds a ticket for the key that was not punched. */
bool waiters_wait(struct waiters *waiters, uint64_t key);

#endif
