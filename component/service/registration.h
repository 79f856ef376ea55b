/* Making an account, by whichever dialect: committed as pending, its JID made by the outbox, active, and only then
 * answered. */
#ifndef REGISTRAR_SERVICE_REGISTRATION_H
#define REGISTRAR_SERVICE_REGISTRATION_H

#include "component/service/call.h"
#include "component/service/jid_password.h"
#include "sql/accounts.h"

struct registration {
    struct new_account fresh; /* salt, JID and its password are filled in here */
    int64_t displaces;        /* an unproved account of the same phone, which ends with the same commit; 0: none */
    /* out */
    int64_t account_id;
};

/* A salt as 000 has it (8 letters), for an account to be; the arena's. */
const char *registration_salt(struct arena *arena);
/* On a database worker: commits the account as pending and takes the ticket that an ON_WAIT step waits on. From then on
 * the call's later steps are run however late it is: registration_look is due. ERR_NAME_TAKEN. */
MUST_CHECK enum err registration_commit(struct call *call, struct worker *worker, struct registration *registration);
/* After the wait. OK: the account is active and goes out. ERR_JID_FAILED: it is undone, its name is free. */
MUST_CHECK enum err registration_look(struct call *call, struct worker *worker, const struct registration *registration,
                                      struct account *account_r);
/* Undoes a registration nobody waits for any more. OK: it is undone. ERR_NOT_FOUND: it is not pending. */
MUST_CHECK enum err registration_undo(struct services *services, struct pg *pg, int64_t account_id);

#endif
