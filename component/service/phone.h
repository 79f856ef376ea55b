/* Accounts of phones, for the dialects that prove a phone by a code (000, 001, 002, 004): registering, a new password,
 * logging in. */
#ifndef REGISTRAR_SERVICE_PHONE_H
#define REGISTRAR_SERVICE_PHONE_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/secret.h"
#include "component/service/codes.h"
#include "component/service/guard.h"
#include "component/service/registration.h"
#include "sql/sessions.h"

/* A password as it came: itself, or the MD5 of it in hex. */
struct given_password {
    struct secret text;
    bool is_md5;
};

/* The input of V1: md5hex of the password, in lower case; the arena's. */
struct secret given_v1(struct arena *arena, const struct given_password *password);

/* Registering, or a new password, on a code. ERR_CODE; registering: ERR_NAME_TAKEN, ERR_JID_FAILED; a new password:
 * ERR_NO_SUCH_NAME, ERR_BANNED, ERR_SAME_PASSWORD. Only success spends the code. A new password for an unproved phone
 * makes a new account, as registering does. */
struct phone_io {
    struct code_bond bond;
    const char *code; /* NULL: verified ahead, or vouched for */
    bool vouched;     /* the dialect has had the phone proved otherwise (004's steps) */
    struct given_password password;
    bool makes_v0;                    /* 000; needs the password itself */
    bool keeps_secret;                /* 004; likewise */
    bool refuses_same;                /* ERR_SAME_PASSWORD */
    const char *display_name, *email; /* registering; NULL without one */
    const char *xid;                  /* of the handset (001, 002), likewise */
    const char *invitation;           /* somebody's code (001), likewise; ERR_INVITATION when it is no longer good */
    bool opens_session;               /* with success */
    enum session_dialect session_dialect;
    /* out */
    struct account account;
    struct secret jid_password; /* of an account that was made */
    struct secret session_secret;
    /* between the steps */
    bool makes_account;
    struct registration registration;
    struct code_claim claim;
    const char *old_v1;
    struct sealed secret;
};
extern const struct op op_phone_register;
extern const struct op op_phone_reset;
/* The steps of op_phone_register, for operations that begin or end in another way (steps.c); call->io begins with a
 * struct phone_io. */
MUST_CHECK enum err phone_admit_registration(struct call *call, struct worker *worker);
MUST_CHECK enum err phone_hash_password(struct call *call, struct worker *worker);
MUST_CHECK enum err phone_commit(struct call *call, struct worker *worker);
MUST_CHECK enum err phone_finish(struct call *call, struct worker *worker);

/* Logging in. ERR_NO_SUCH_NAME, ERR_PASSWORD, ERR_BANNED (only to who knows the password). */
enum login_proof {
    LOGIN_V1,        /* the password, or its MD5 */
    LOGIN_V0,        /* md5(password + salt), and the salt (000) */
    LOGIN_CHALLENGE, /* sha256(password + nonce + timestamp), against the sealed password (004) */
};
struct phone_login_io {
    const char *phone;
    enum login_proof proof;
    struct given_password password;       /* LOGIN_V1; LOGIN_V0: is_md5 */
    const char *salt;                     /* LOGIN_V0 */
    const char *nonce, *timestamp;        /* LOGIN_CHALLENGE, with password.text the hex digest */
    const char *xid;                      /* of the handset (001, 002), noted with success; NULL without one */
    bool tells_existence;                 /* otherwise an unknown phone takes as long as a wrong password */
    enum session_dialect session_dialect; /* of the session that is opened */
    /* out */
    struct account account;
    struct secret session_secret;
    struct secret jid_password;
    /* between the steps */
    struct guard guard;
    struct stored_verifier verifier;
};
extern const struct op op_phone_login;
extern const struct op op_phone_challenge; /* LOGIN_CHALLENGE */

/* 000's getSalt. ERR_NO_SUCH_NAME. */
struct salt_io {
    const char *phone;
    const char *salt; /* out */
};
extern const struct op op_get_salt;

/* 000's modify_information: the caller's own nickname. ERR_TOKEN without a live session, ERR_FORBIDDEN for somebody
 * else's id, ERR_INVALID for one that no roster could hold (nickname_fits), ERR_LIMITED for too many in an hour. The
 * one that the account has is no change. */
struct nickname_io {
    struct secret session;
    int64_t account_id;
    const char *nickname;
};
extern const struct op op_set_nickname;

#endif
