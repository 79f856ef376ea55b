/* Ids of command sessions: signed, not stored. An id says when the form was shown, and a MAC binds it to the JID and
 * the command, so that nobody can use another's, and none is kept in memory. What was filled in comes whole with the
 * last stage, so that there is nothing else to remember. Pure. */
#ifndef REGISTRAR_COMMANDS_SESSION_H
#define REGISTRAR_COMMANDS_SESSION_H

#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct keyring;

/* A fresh id, the arena's. `now` is in seconds since 1970. */
const char *session_make(struct arena *arena, const struct keyring *ring, const char *jid, const char *node,
                         int64_t now);
/* ERR_INVALID: it is not one for this JID and command. ERR_TIMEOUT: it was made more than lifetime_ms before now. */
MUST_CHECK enum err session_check(struct arena *arena, const struct keyring *ring, const char *id, const char *jid,
                                  const char *node, int64_t now, int64_t lifetime_ms);

#endif
