/* How many requests may be out at once: a counting semaphore that serves in order of arrival, with deadlines.
 *
 * In order, because who needs several slots at once would otherwise starve behind those who need one. Openfire allows a
 * component 100 open command sessions and does no work faster for more than about 16 in flight. Thread-safe. */
#ifndef XMPP_SLOTS_H
#define XMPP_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct slots;

struct slots *slots_new(unsigned limit); /* 1 or more */
/* Nobody may hold or wait for any. */
void slots_free(struct slots **slots);
/* Takes `wanted` of them, or all when there are fewer altogether: the number goes to taken_r. ERR_TIMEOUT after
 * deadline_ms; ERR_SHUTDOWN once closed. */
MUST_CHECK enum err slots_take(struct slots *slots, unsigned wanted, int64_t deadline_ms, unsigned *taken_r);
void slots_give(struct slots *slots, unsigned taken);
/* Besides one's own, half of them or more are taken at this moment. */
bool slots_are_busy(struct slots *slots, unsigned own);
/* Wakes all that wait and refuses the rest with ERR_SHUTDOWN. */
void slots_close(struct slots *slots);

#endif
