/* Registering an account: committed as pending, its JID made by the outbox, active, and only then answered. */
#ifndef REGISTRAR_SERVICE_REGISTER_H
#define REGISTRAR_SERVICE_REGISTER_H

#include "component/base/secret.h"
#include "component/service/call.h"
#include "component/service/proof.h"
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
    int64_t account_id;
};
extern const struct op op_register;

/* Undoes a registration nobody waits for any more. OK: it is undone. ERR_NOT_FOUND: it is not pending. */
MUST_CHECK enum err register_undo(struct services *services, struct pg *pg, int64_t account_id);

#endif
