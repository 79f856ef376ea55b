/* Binding accounts to each other: a wish is committed, the outbox makes it true on both rosters, and the call waits a
 * moment to see that. Who wishes to be asked first is asked (asks.h), by the same commit. */
#ifndef REGISTRAR_SERVICE_BIND_H
#define REGISTRAR_SERVICE_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "component/service/users.h"
#include "component/service/wishes.h"
#include "sql/bindings.h"

/* For the whole list or for nothing: the result is the first failing name's, and `failed` holds all that fail.
 * ERR_NO_SUCH_NAME (also: the asker's name), ERR_FORBIDDEN (acting for another's name), ERR_INVALID (oneself, a name
 * twice), ERR_JID_PENDING, ERR_JID_NONE, ERR_REFUSED, ERR_BOUND or ERR_NOT_BOUND, ERR_FULL (too many bindings),
 * ERR_LIMITED (asks too many). */
struct bind_io {
    struct wishes wishes; /* out: whether all rosters were seen to show it */
    struct credential credential;
    struct name_list asker; /* one name; none: the credential's own */
    struct name_list list;
    /* out */
    const size_t *failed; /* positions in list */
    size_t failed_count;
    /* between the steps */
    struct account *account; /* the asker's */
    struct account **targets;
    size_t asks_counted; /* against the asker's limit */
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
