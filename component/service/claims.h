/* Claim codes: a device shows one, a phone enters it, and the two are bound. The code stands for the consent of both,
 * unless one of them refuses bindings. */
#ifndef REGISTRAR_SERVICE_CLAIMS_H
#define REGISTRAR_SERVICE_CLAIMS_H

#include <stddef.h>
#include <stdint.h>

#include "component/cache/claims.h"
#include "component/service/call.h"
#include "component/service/claim_code.h"
#include "component/service/qr.h"
#include "component/service/tokens.h"
#include "component/service/wishes.h"
#include "sql/accounts.h"

/* Making one. ERR_LIMITED; ERR_REFUSED: the account refuses bindings; ERR_CACHE_DOWN. */
struct claim_io {
    struct credential credential;
    enum qr_format picture;
    /* out */
    const char *code; /* as it is shown */
    const char *uri;  /* settings claims.uri, with the code */
    int64_t lifetime_ms;
    const void *image; /* of the uri; NULL without one */
    size_t image_length;
};
extern const struct op op_make_claim;

/* Entering one. ERR_CODE: it is no good (any more); ERR_LIMITED: too many tries; ERR_INVALID: one's own; ERR_REFUSED:
 * one of the two refuses or is banned; ERR_JID_NONE, ERR_BOUND, ERR_FULL. Only success spends the code. ERR_CACHE_DOWN.
 */
struct redeem_io {
    struct wishes wishes; /* out: whether both rosters were seen to show it */
    struct credential credential;
    const char *code; /* as it was typed */
    /* out */
    struct account peer; /* who made it */
    /* between the steps */
    struct account *account;
    char read[CLAIM_CODE_SIZE];
    struct claim_taken taken;
};
extern const struct op op_redeem_claim;

#endif
