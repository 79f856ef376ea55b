/* How one's own roster calls somebody one is bound to. */
#ifndef REGISTRAR_SERVICE_RENAME_H
#define REGISTRAR_SERVICE_RENAME_H

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "component/service/wishes.h"
#include "sql/accounts.h"

/* ERR_NOT_BOUND; ERR_INVALID: no roster can hold that (roster_items.h). */
struct rename_io {
    struct wishes wishes; /* out: whether the roster was seen to show it */
    struct credential credential;
    const char *jid_local; /* whose */
    const char *nickname;  /* "": as the account itself says */
    /* out */
    struct account *peer;
    /* between the steps */
    struct account *account;
};
extern const struct op op_rename;

#endif
