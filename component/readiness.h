/* What the ops port says: whether this process can do its work now. */
#ifndef COMPONENT_READINESS_H
#define COMPONENT_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>

struct buf;
struct pg_config;
struct redis_config;
struct readiness;
struct xmpp;

/* Sessions of its own, with short deadlines, used by the ops port's one thread. */
struct readiness *readiness_new(const struct pg_config *pg, const struct redis_config *redis);
void readiness_free(struct readiness **readiness);
/* From when startup is through and until it ends: before and after that, nothing is ready. name_taken: another process
 * runs under this one's name; that is an operator's mistake, and logins do not suffer from it. */
void readiness_open(struct readiness *readiness, struct xmpp *xmpp, const atomic_bool *name_taken);
void readiness_close(struct readiness *readiness);
/* A line on `why` for each part that is not ready, or that somebody should look at. `arg` is the readiness; login_only
 * leaves the XMPP server out. */
bool readiness_check(void *arg, bool login_only, struct buf *why);

#endif
