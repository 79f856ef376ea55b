/* Doors: how the XMPP server is to treat an account's JID when it is not simply to let in who has its password. An
 * administrator locked it (a ban), or its password is to be replaced. What is changed here is made true by
 * OUTBOX_DOOR, which the caller wishes in the same transaction. */
#ifndef SQL_DOORS_H
#define SQL_DOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"

struct arena;
struct pg;

struct door {
    bool locked;        /* the server was told, or is to be told, to let nobody in */
    struct sealed next; /* the password that it is to take; bytes NULL: the account's own stays */
};

/* Neither locked nor a next password: there is nothing to be told. The bytes are the arena's. */
MUST_CHECK enum err doors_get(struct pg *pg, struct arena *arena, int64_t account_id, struct door *door_r);

/* What follows is for transactions.
 *
 * An active account is banned and its door locked, or it is not banned any more, and its door stays locked until the
 * server was told. ERR_NOT_FOUND: it is not active. Doing it twice is harmless. */
MUST_CHECK enum err doors_ban(struct pg *pg, int64_t account_id);
MUST_CHECK enum err doors_unban(struct pg *pg, int64_t account_id);
/* Another password for the JID, in the place of one that was to come. The caller holds the account (accounts_lock). */
MUST_CHECK enum err doors_set_next(struct pg *pg, int64_t account_id, const struct sealed *next);

/* The server was told: it lets in again, unless the account was banned meanwhile; */
MUST_CHECK enum err doors_opened(struct pg *pg, int64_t account_id);
/* it took the next password, which is the account's from now on (claim codes that who knew the old one made are void),
 * or it is not to take it. `next` is the one that was loaded: another that came meanwhile stays. */
MUST_CHECK enum err doors_took(struct pg *pg, int64_t account_id, const struct sealed *next);
MUST_CHECK enum err doors_refused(struct pg *pg, int64_t account_id, const struct sealed *next);

/* Nobody knows any more what the server was told last, because a worker was late: it is told again, all of it. */
MUST_CHECK enum err doors_retell(struct pg *pg, int64_t account_id);
/* Somebody made the JID with this password, or set it. The same, if there is a door, or another password by now. */
MUST_CHECK enum err doors_password_was_set(struct pg *pg, int64_t account_id, const struct sealed *password);

#endif
