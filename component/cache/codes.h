/* Phone codes in Redis: kept as a keyed hash, a few tries each, spent once.
 *
 * A code lies in a slot, named by all that it is bound to (dialect, phone, the client's handle). Checking it claims it
 * for a moment: of a hundred right tries at once one gets it, and the others are told what a wrong one is told. The
 * claim is then settled: spent when the operation succeeded, released when it failed for another reason, which costs no
 * try. A process that dies in between leaves the code to be claimed again after CODES_CLAIM_MS. Of a phone one code is
 * claimed at a time, and spending it makes all the others void.
 *
 * Slots, phones and codes are never in clear in Redis (keyring_mac, purposes "code.slot", "code.phone" and "code"). */
#ifndef CACHE_CODES_H
#define CACHE_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct keyring;
struct redis;

enum { CODES_CLAIM_MS = 30000, CODES_CLAIM_SIZE = 33, CODES_NOTE_SIZE = 128, CODES_NAME_SIZE = 80 };

/* How many codes that nobody enters may be sent in a day. */
struct code_budget {
    const char *country; /* "86" */
    const char *day;     /* "2026-11-21" */
    const char *network; /* that asks */
    int64_t most;        /* to the country; 0: as many as one likes */
    /* Asked for from the network, and as many more as were entered there; 0: as many as one likes. */
    int64_t network_most;
    int64_t network_soft; /* the same without a picture, once half of the country's are used */
    bool pictured;        /* a picture was solved */
};

struct code_ask {
    const char *slot;   /* what the code is bound to */
    const char *phone;  /* E.164 */
    const char *window; /* what it is sent once for in window_ms; NULL: no resend window */
    const char *source; /* who asks, where the slot does not say; "": it does */
    const char *code;
    const char *note; /* kept beside it, given back by codes_claim; "" for none; no secret; under 128 bytes */
    int64_t lifetime_ms, window_ms, tries;
    struct code_budget budget;
};

/* Whether the resend window runs. OK: it does not. ERR_CONFLICT: it does, and the code that was sent stands.
 * ERR_LIMITED: it does, but that code is spent or void. Both with the milliseconds that are left of it. ERR_CACHE_DOWN.
 */
MUST_CHECK enum err codes_window(struct redis *redis, const struct keyring *ring, const struct code_ask *ask,
                                 int64_t *left_ms_r);

enum code_put {
    CODE_PUT,
    CODE_PUT_WINDOW,  /* ERR_CONFLICT: the resend window runs */
    CODE_PUT_COUNTRY, /* ERR_LIMITED: the country's budget is used */
    CODE_PUT_NETWORK, /* ERR_LIMITED: the network's part of it is */
    CODE_PUT_PICTURE, /* ERR_PICTURE: a picture must be solved */
    CODE_PUT_HALF,    /* OK, and half of the budget is used now; said once a day, as the next one */
    CODE_PUT_ALL      /* OK, and all of it is */
};
/* Stores the code, in the place of an earlier one. What became of it goes to what_r. ERR_CACHE_DOWN. */
MUST_CHECK enum err codes_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask,
                              enum code_put *what_r);
/* What codes_put would say but for the window; nothing is stored. */
MUST_CHECK enum err codes_may_put(struct redis *redis, const struct keyring *ring, const struct code_ask *ask,
                                  enum code_put *what_r);
/* It was not sent: as if it had not been asked for. */
MUST_CHECK enum err codes_withdraw(struct redis *redis, const struct keyring *ring, const struct code_ask *ask);

struct code_claim {
    const char *slot;
    const char *phone;                                        /* E.164; NULL where the slot alone is known */
    const char *code;                                         /* NULL: a code that was verified before */
    const char *source;                                       /* who enters it */
    char id[CODES_CLAIM_SIZE];                                /* out: of this claim; "" when it was only looked at */
    char note[CODES_NOTE_SIZE];                               /* out: what was kept beside it */
    char budget[CODES_NAME_SIZE], phone_key[CODES_NAME_SIZE]; /* out: for codes_settle */
};

/* ERR_NOT_FOUND: wrong (that costs a try), unknown, expired, used up, void, or claimed by somebody else. Looking claims
 * nothing. Where a source asked for the code, others have less than half of its tries: they are not listened to after
 * those, and it stands for its source. */
MUST_CHECK enum err codes_look(struct redis *redis, const struct keyring *ring, struct code_claim *claim);
MUST_CHECK enum err codes_claim(struct redis *redis, const struct keyring *ring, struct code_claim *claim);

enum code_outcome {
    CODE_SPENT,    /* what it was for is done: all other codes of the phone are void, too */
    CODE_ENTERED,  /* it is used, and others stay */
    CODE_RELEASED, /* as if it had not been claimed */
    CODE_VERIFIED  /* it can be claimed without the code from now on, for lifetime_ms */
};
/* Ends the claim. ERR_NOT_FOUND: the claim or the code has run out, or is void. */
MUST_CHECK enum err codes_settle(struct redis *redis, const struct keyring *ring, const struct code_claim *claim,
                                 enum code_outcome outcome, int64_t lifetime_ms);
/* What codes of the phone were for is done otherwise: they are all void. */
MUST_CHECK enum err codes_void(struct redis *redis, const struct keyring *ring, const char *phone);

#endif
