/* Operations that ask for an account's password: logging in and cancelling. */
#ifndef REGISTRAR_SERVICE_LOGIN_H
#define REGISTRAR_SERVICE_LOGIN_H

#include "component/base/secret.h"
#include "component/service/call.h"
#include "component/service/guard.h"
#include "component/service/proof.h"
#include "sql/accounts.h"

/* Both answer ERR_PASSWORD for an unknown name and a wrong password, in the same time. ERR_BANNED, ERR_JID_PENDING (not
 * active yet) and, at login, ERR_JID_PASSWORD and ERR_JID_NONE only to who knows the password. */
struct login_io {
    enum account_type type;
    const char *name; /* as stored */
    struct secret password;
    struct proof proof;
    /* out, of op_login */
    struct account account;
    struct secret jid_password;
    struct secret token;
    /* between the steps */
    struct guard guard;
    struct stored_verifier verifier;
};

extern const struct op op_login;
/* Ends the account: committed when it answers OK; JID and rosters follow by the outbox. */
extern const struct op op_cancel;

/* After a session was opened on a proof that was checked: OK if that is still of the account's password. Otherwise the
 * session ends, as the new password ended all others, and it is ERR_BUSY (try again). */
MUST_CHECK enum err login_confirm(struct call *call, struct worker *worker, int64_t account_id, enum verifier_kind kind,
                                  const struct stored_verifier *checked);
/* Counts a try against the limits of logins, for the address and for the name. ERR_CACHE_DOWN: the caller decides. */
MUST_CHECK enum err login_limit(struct call *call, struct worker *worker, enum account_type type, const char *name);
/* md5hex of the password, the input of V1 (dialects.md, Passwords); the arena's. */
struct secret password_v1(struct arena *arena, struct secret password);
/* In a transaction: ends an account that is in state `from`, with its bindings and sessions, and wishes its JID away.
 * The ended sessions go out, for tokens_revoke after the commit. ERR_NOT_FOUND when it is not in that state. */
struct session_hash;
MUST_CHECK enum err account_end(struct services *services, struct pg *pg, struct arena *arena, int64_t id,
                                enum account_state from, struct session_hash **ended_r, size_t *ended_count_r);

#endif
