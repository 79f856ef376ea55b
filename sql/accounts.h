/* Accounts and their verifiers: rows and the statements on them. */
#ifndef SQL_ACCOUNTS_H
#define SQL_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"

struct arena;
struct pg;

enum account_type { ACCOUNT_ANY = 0, ACCOUNT_PHONE = 1, ACCOUNT_DEVICE = 2, ACCOUNT_WECHAT = 3 };
enum account_state { ACCOUNT_PENDING, ACCOUNT_ACTIVE, ACCOUNT_CANCELLED };
enum jid_state { JID_ABSENT, JID_MADE, JID_REFUSED, JID_VANISHED };
enum consent { CONSENT_ACCEPT, CONSENT_ASK, CONSENT_REFUSE };
enum role { ROLE_USER = 1, ROLE_SERVICE = 2, ROLE_SUPERADMIN = 3 };

/* Strings are the arena's that the row was read into; "" where there is nothing, save `name`, which a cancelled account
 * lacks (NULL). */
struct account {
    int64_t id;
    enum account_type type;
    enum account_state state;
    const char *name;         /* E.164 for a Phone */
    const char *display_name; /* 000's `account` */
    const char *nickname;
    const char *des;
    const char *device_type;
    const char *email;
    const char *salt; /* 000's; made with the account */
    bool proved;      /* a Phone: a code sent to it has passed */
    const char *jid_local;
    enum jid_state jid_state;
    struct sealed jid_password;
    enum consent consent;
    bool banned;
    enum role role;          /* 002's; an administrator gives it */
    const char *invite_code; /* of its own, for others to name at 001's registration */
    int64_t inviter;         /* who invited it; 0: nobody */
    const char *xid_hash; /* the device of its latest registration or login through 001 or 002, as its SHA-256 in hex */
    int64_t claims_era;   /* another one: what claim codes it made before count for nothing */
};

enum verifier_kind { VERIFIER_V0 = 0, VERIFIER_V1 = 1, VERIFIER_SECRET = 4 };

struct stored_verifier {
    const char *text;     /* argon2id; NULL where there is none */
    struct sealed sealed; /* VERIFIER_SECRET: 004's password; bytes NULL where there is none */
    int64_t since_us;     /* which password it is of: when that was set. 0 where there is none */
};

struct new_account {
    enum account_type type;
    const char *name;
    const char *des;
    const char *device_type;
    const char *display_name, *email; /* NULL without one */
    bool proved;
    const char *salt;
    const char *jid_local;
    struct sealed jid_password;
    const char *verifier_v1;
    const char *verifier_v0; /* NULL without one */
    struct sealed secret;    /* 004's; bytes NULL without one */
    int64_t inviter;         /* 0: nobody */
    const char *xid_hash;    /* NULL without one */
};

/* A name as the wire has it: what it is as a Device or Wechat name, and as a Phone (E.164) or NULL; and of which type
 * the account must be, unless that is ACCOUNT_ANY. */
struct account_name {
    const char *plain;
    const char *phone;
    enum account_type type;
};

/* In a transaction. Makes a pending account with its verifiers; ERR_NAME_TAKEN, also for the display name. */
MUST_CHECK enum err accounts_insert(struct pg *pg, const struct new_account *fresh, int64_t *id_r);
/* pending → active with its JID made. ERR_NOT_FOUND when it is not pending any more. */
MUST_CHECK enum err accounts_activate(struct pg *pg, int64_t id);
/* The account that has the name now, pending or active. ERR_NO_SUCH_NAME. */
MUST_CHECK enum err accounts_find(struct pg *pg, struct arena *arena, enum account_type type, const char *name,
                                  struct account *account_r);
/* Whose invitation code it is, in either case: an active account that is not banned. ERR_NOT_FOUND. */
MUST_CHECK enum err accounts_find_inviter(struct pg *pg, const char *invite_code, int64_t *id_r);
MUST_CHECK enum err accounts_get(struct pg *pg, struct arena *arena, int64_t id, struct account *account_r);
/* Pending and active accounts with one of the names, in the names' order; position_r tells which name each answers. A
 * name may find none or, without a type, several. The account with the id `own` (0: none), in whatever state, comes
 * last and has the position `count`. */
MUST_CHECK enum err accounts_find_all(struct pg *pg, struct arena *arena, const struct account_name *names,
                                      size_t count, int64_t own, struct account **accounts_r, size_t **position_r,
                                      size_t *count_r);
/* In a transaction: locks the rows against cancelling, in the order of ids; ERR_NOT_FOUND unless all are active. */
MUST_CHECK enum err accounts_hold(struct pg *pg, struct arena *arena, const int64_t *ids, size_t count);
/* What each of them, active or not, says by now to those who wish to be bound to it: consents_r, of count, in their
 * order. ERR_NOT_FOUND: there is no such account. */
MUST_CHECK enum err accounts_consents(struct pg *pg, struct arena *arena, const int64_t *ids, size_t count,
                                      enum consent *consents_r);
/* In a transaction: locks an active account (else ERR_NOT_FOUND) against everything, sessions being opened included. */
MUST_CHECK enum err accounts_lock(struct pg *pg, int64_t id);
/* In a transaction: erases the personal data, the profile and the verifiers; the name is free after the commit.
 * ERR_NOT_FOUND unless it is in `from`. */
MUST_CHECK enum err accounts_cancel(struct pg *pg, int64_t id, enum account_state from);
MUST_CHECK enum err accounts_set_jid_state(struct pg *pg, int64_t id, enum jid_state state);
/* The JID of an active account (else ERR_NOT_FOUND) was looked at just now. */
MUST_CHECK enum err accounts_jid_checked(struct pg *pg, int64_t id, enum jid_state state);

/* Of the account (id 0: none) and kind, in the arena. */
MUST_CHECK enum err verifiers_get(struct pg *pg, struct arena *arena, int64_t account_id, enum verifier_kind kind,
                                  struct stored_verifier *verifier_r);
/* In a transaction that holds the account: a new password. V1 is replaced; V0 and the sealed secret are where they are
 * given, and removed otherwise. */
MUST_CHECK enum err verifiers_replace(struct pg *pg, int64_t account_id, const char *v1, const char *v0,
                                      const struct sealed *secret);
/* Of an active account (else ERR_NOT_FOUND). */
MUST_CHECK enum err accounts_set_consent(struct pg *pg, int64_t id, enum consent consent);
/* Likewise. The caller wishes with it that the rosters of those bound to the account show it (bindings_reaffirm_all).
 */
MUST_CHECK enum err accounts_set_nickname(struct pg *pg, int64_t id, const char *nickname);
/* The device of an active account's latest login through 001 or 002. */
MUST_CHECK enum err accounts_set_xid(struct pg *pg, int64_t id, const char *xid_hash);
/* Another verifier of the same password, in the place of `old` (unless that has changed meanwhile). */
MUST_CHECK enum err verifiers_renew(struct pg *pg, int64_t account_id, enum verifier_kind kind, const char *old,
                                    const char *fresh);

#endif
