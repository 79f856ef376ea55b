/* 002's profiles. A row goes with its account (accounts_cancel). */
#ifndef SQL_PROFILES_H
#define SQL_PROFILES_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"

struct arena;
struct pg;

/* Strings are the arena's that the row was read into; "" where there is nothing. */
struct profile {
    const char *company_logo, *company_name, *company_address, *user_name, *qq_number;
    struct sealed identity_card;
    int64_t recommended_by;        /* an account; 0: nobody */
    const char *recommended_phone; /* out: E.164; "" without one, or once that account has ended */
};

/* Writes it, in the place of an earlier one. ERR_NOT_FOUND: the account is not active, or there is no active account
 * recommended_by. */
MUST_CHECK enum err profiles_put(struct pg *pg, int64_t account_id, const struct profile *profile);
/* ERR_NOT_FOUND: none was filled in. */
MUST_CHECK enum err profiles_get(struct pg *pg, struct arena *arena, int64_t account_id, struct profile *profile_r);
MUST_CHECK enum err profiles_exists(struct pg *pg, int64_t account_id, bool *exists_r);

#endif
