/* Accounts by the local part of their JID, which is never used again. */
#ifndef SQL_JIDS_H
#define SQL_JIDS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"

struct arena;
struct pg;

/* Whose JID it is. ERR_NO_SUCH_NAME: nobody's, or a cancelled account's. ERR_BANNED; ERR_JID_PENDING: not active yet.
 */
MUST_CHECK enum err jids_check(struct pg *pg, const char *local, int64_t *id_r);
/* Pending and active accounts with one of the JIDs, in the JIDs' order; position_r tells which JID each answers. */
MUST_CHECK enum err jids_find_all(struct pg *pg, struct arena *arena, const char *const *locals, size_t count,
                                  struct account **accounts_r, size_t **position_r, size_t *count_r);

#endif
