/* Binding accounts to each other: a wish is committed, the outbox makes it true on both rosters, and the call waits a
 * moment to see that. */
#ifndef REGISTRAR_SERVICE_BIND_H
#define REGISTRAR_SERVICE_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "component/service/users.h"
#include "sql/bindings.h"

/* For the whole list or for nothing: the result is the first failing name's, and `failed` holds all that fail.
 * ERR_NO_SUCH_NAME (also: the asker's name), ERR_FORBIDDEN (acting for another's name), ERR_INVALID (oneself, a name
 * twice), ERR_JID_PENDING, ERR_JID_NONE, ERR_REFUSED, ERR_BOUND or ERR_NOT_BOUND, ERR_LIMITED (too many bindings). */
struct bind_io {
    struct credential credential;
    struct name_list asker; /* one name */
    struct name_list list;
    /* out */
    bool seen;            /* both rosters were seen to show it */
    const size_t *failed; /* positions in list */
    size_t failed_count;
    /* between the steps */
    struct account **targets;
    struct wish *wishes;
    size_t wish_count;
};
extern const struct op op_bind;
extern const struct op op_unbind;

/* Whom an account is bound to. Errors of the credential and the asker as above. */
struct bound_io {
    struct credential credential;
    struct name_list asker;
    /* out */
    struct bound_peer *peers;
    size_t count;
};
extern const struct op op_list_bound;

#endif
