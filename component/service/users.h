/* Looking accounts up by name. */
#ifndef REGISTRAR_SERVICE_USERS_H
#define REGISTRAR_SERVICE_USERS_H

#include <stddef.h>

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "sql/accounts.h"

/* A request's list of names; without a type, a name that two types share is ERR_INVALID. Or, in their place, of the
 * local parts of JIDs. */
struct name_list {
    enum account_type type;
    const struct account_name *names; /* each of any type: it is the list's */
    const char *const *jids;
    const char *const *wire; /* as they were sent, for replies; NULL where none names them */
    size_t count;
};

/* Looking a name up tells whether it exists and, of others, their JID: every name counts against the caller's limit.
 * Nothing for a backend. */
MUST_CHECK enum err lookups_limit(struct call *call, struct worker *worker, const struct credential *credential,
                                  size_t names);
/* The list's names with its type in each, in the arena. */
struct account_name *names_typed(struct arena *arena, const struct name_list *list);
/* Looks the names up on a database worker: accounts_r[i] answers names[i], NULL for an unknown one. The arena's. */
MUST_CHECK enum err names_find(struct worker *worker, struct arena *arena, const struct name_list *list,
                               struct account ***accounts_r);

/* ERR_NO_SUCH_NAME when a name is unknown; those found go out all the same. Limited per token. */
struct users_io {
    struct credential credential;
    struct name_list list;
    /* out */
    struct account **found;         /* of list.count; NULL for unknown ones */
    struct secret own_jid_password; /* for the entry of the credential's own account */
};
extern const struct op op_get_users;

#endif
