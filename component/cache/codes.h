/* Phone codes in Redis: kept as a keyed hash, a few tries each, spent once.
 *
 * A code lies in a slot, named by all that it is bound to (dialect, phone, the client's handle). Checking it claims it
 * for a moment: of a hundred right tries at once one gets it, and the others are told what a wrong one is told. The
 * claim is then settled: spent when the operation succeeded, released when it failed for another reason, which costs no
 * try. A process that dies in between leaves the code to be claimed again after CODES_CLAIM_MS. Slots and codes are
 * never in clear in Redis (keyring_mac, purposes "code.slot" and "code"). */
#ifndef CACHE_CODES_H
#define CACHE_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct keyring;
struct redis;

enum { CODES_CLAIM_MS = 30000, CODES_CLAIM_SIZE = 33, CODES_NOTE_SIZE = 128, CODES_BUDGET_SIZE = 80 };

struct code_ask {
    const char *slot;    /* what the code is bound to */
    const char *window;  /* what it is sent once for in window_ms; NULL: no resend window */
    const char *country; /* "86", for the budget of codes that nobody enters */
    const char *day;     /* "2026-11-21", likewise */
    const char *code;
    const char *note; /* kept beside it, given back by codes_claim; "" for none; no secret; under 128 bytes */
    int64_t lifetime_ms, window_ms, tries;
    int64_t budget; /* codes of the country and day that were not entered; 0: no budget */
};

/* Whether the resend window runs. OK: it does not. ERR_CONFLICT: it does, and the code that was sent stands.
 * ERR_LIMITED: it does, but that code is spent or void. Both with the milliseconds that are left of it. ERR_CACHE_DOWN.
 */
MUST_CHECK enum err codes_window(struct redis *redis, const struct keyring *ring, const struct code_ask *ask,
                                 int64_t *left_ms_r);
/* Stores the code, in the place of an earlier one. ERR_CONFLICT: the resend window runs. ERR_LIMITED: the budget is
 * spent. ERR_CACHE_DOWN. */
MUST_CHECK enum err codes_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask);
/* It was not sent: as if it had not been asked for. */
MUST_CHECK enum err codes_withdraw(struct redis *redis, const struct keyring *ring, const struct code_ask *ask);

struct code_claim {
    const char *slot;
    const char *code;               /* NULL: a code that was verified before */
    char id[CODES_CLAIM_SIZE];      /* out: of this claim; "" when it was only looked at */
    char note[CODES_NOTE_SIZE];     /* out: what was kept beside it */
    char budget[CODES_BUDGET_SIZE]; /* out: for codes_settle */
};

/* ERR_NOT_FOUND: wrong (that costs a try), unknown, expired, used up, or claimed by somebody else. Looking claims
 * nothing. */
MUST_CHECK enum err codes_look(struct redis *redis, const struct keyring *ring, struct code_claim *claim);
MUST_CHECK enum err codes_claim(struct redis *redis, const struct keyring *ring, struct code_claim *claim);

enum code_outcome { CODE_SPENT, CODE_RELEASED, CODE_VERIFIED };
/* Ends the claim. CODE_VERIFIED: it can be claimed without the code from now on, for lifetime_ms. ERR_NOT_FOUND: the
 * claim or the code has run out. */
MUST_CHECK enum err codes_settle(struct redis *redis, const struct keyring *ring, const struct code_claim *claim,
                                 enum code_outcome outcome, int64_t lifetime_ms);

#endif
