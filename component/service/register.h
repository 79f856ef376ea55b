/* Registering an account through 003, on a picture or an application's signature. */
#ifndef REGISTRAR_SERVICE_REGISTER_H
#define REGISTRAR_SERVICE_REGISTER_H

#include "component/base/secret.h"
#include "component/service/call.h"
#include "component/service/proof.h"
#include "component/service/registration.h"
#include "sql/accounts.h"

/* ERR_NAME_TAKEN; ERR_JID_FAILED when the server cannot make the JID or cannot be reached: nothing is left then that
 * can log in, and the name is free. */
struct register_io {
    enum account_type type;
    const char *name; /* as stored */
    struct secret password;
    const char *des, *device_type;
    struct proof proof;
    /* between the steps */
    const char *verifier;
    struct registration registration;
};
extern const struct op op_register;

#endif
