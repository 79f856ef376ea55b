/* An account as its owner sees it, and what it says to those who wish to be bound to it. */
#ifndef REGISTRAR_SERVICE_OWN_ACCOUNT_H
#define REGISTRAR_SERVICE_OWN_ACCOUNT_H

#include <stdint.h>

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "sql/accounts.h"

struct own_account_io {
    struct credential credential;
    /* out */
    struct account *account;
    int64_t bindings;
};
extern const struct op op_own_account;

struct set_consent_io {
    struct credential credential;
    enum consent consent;
};
extern const struct op op_set_consent;

#endif
