/* Points and the shake (001): points for signing up and for inviting, spent on shakes that may win money. Both are
 * ledgers (sql/points.h).
 *
 * Signing up is worth something once: an account that ends leaves a MAC of its name, and where that is found neither
 * the name nor who invited it is given points again. A phone that nobody proved is welcomed as another one than its
 * owner's, so that a stranger who registers it first (003) does not use up its owner's welcome. What an unproved phone
 * shakes wins nothing: it takes no more than a picture to make one, and money is for who has a phone. */
#ifndef REGISTRAR_SERVICE_POINTS_H
#define REGISTRAR_SERVICE_POINTS_H

#include <stdint.h>

#include "component/base/err.h"
#include "component/service/call.h"

struct account;
struct arena;
struct pg;

/* In the transaction that makes an account active, by whichever dialect: its points, and its inviter's unless he has
 * been banned or is gone meanwhile. Nothing for a name that was welcomed before. */
MUST_CHECK enum err points_welcome(const struct services *services, struct pg *pg, struct arena *arena,
                                   const struct account *account);
/* In the transaction that ends an active account: its name is not welcomed again. */
MUST_CHECK enum err points_farewell(const struct services *services, struct pg *pg, struct arena *arena,
                                    const struct account *account);

/* A shake. ERR_TOKEN: no such account, or the handset is not the one of its latest registration or login, or `sec` does
 * not fit its phone. ERR_BALANCE: not enough points. A shake that wins nothing, or whose prize the day's budget does
 * not hold any more, costs its points all the same. */
struct shake_io {
    int64_t account_id;
    const char *xid;
    int64_t utime, sec;
    /* out */
    int64_t won_fen; /* 0: nothing */
};
extern const struct op op_shake;

#endif
