/* 002's profiles, for who shows a live `sec` of the account. The identity card is sealed at rest. */
#ifndef REGISTRAR_SERVICE_PROFILE_H
#define REGISTRAR_SERVICE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/secret.h"
#include "component/service/call.h"
#include "sql/accounts.h"
#include "sql/profiles.h"

/* All answer ERR_TOKEN unless `sec` is the account's. */
struct profile_io {
    int64_t account_id;
    struct secret sec;
    struct profile profile;      /* in to change it, out to read it; identity_card and recommended_phone aside */
    struct secret identity_card; /* in the clear */
    /* out */
    bool filled_in;
    enum role role; /* op_put_profile */
};
extern const struct op op_profile_filled_in;
/* ERR_INVALID: nobody, or the account itself, recommended it. */
extern const struct op op_put_profile;
/* Of an account that has filled in none, every text is "". */
extern const struct op op_get_profile;

#endif
