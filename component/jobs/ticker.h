/* A thread that does something each second, and at once when it is woken: what all jobs but the outbox are made of. */
#ifndef REGISTRAR_JOBS_TICKER_H
#define REGISTRAR_JOBS_TICKER_H

#include "component/base/err.h"

struct ticker;

/* `tick` is called on the thread alone, the first time at once; it may block. The name is static. */
MUST_CHECK enum err ticker_start(const char *name, void (*tick)(void *arg), void *arg, struct ticker **ticker_r);
/* From any thread; does not block. */
void ticker_wake(struct ticker *ticker);
/* No more ticks once it returns: waits for one that is under way. A null pointer in it is fine. */
void ticker_stop(struct ticker **ticker);

#endif
