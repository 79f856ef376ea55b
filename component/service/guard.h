/* What stands between somebody who guesses and an account's password (NIST SP 800-63B, 5.2.2).
 *
 * After some wrong passwords in a row the account must wait between tries, longer each time. A try meanwhile is
 * answered as a wrong password, in the same time, and its password is not looked at. An account with a phone is counted
 * as a whole, whoever tries, and after many more no password opens it until a code sent to the phone has set a new one.
 * One without (Device, Wechat) has no such way back, so it is counted for each address by itself and never shut for
 * good: nobody can lock a device out of its own account.
 *
 * Tries that are under way at the same time cannot get around it: a right password counts only if tries are not shut
 * out at the moment when it is found right. */
#ifndef REGISTRAR_SERVICE_GUARD_H
#define REGISTRAR_SERVICE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "component/service/call.h"

struct account;

/* One try. */
struct guard {
    int64_t account_id; /* 0: nothing to be guessed at, which costs as much and counts for nothing */
    const char *source; /* static, or the call's */
    bool has_phone;
    bool shut;           /* the password must not be looked at */
    enum err found;      /* OK or ERR_PASSWORD (until something was looked at) */
    const char *renewed; /* a right password's verifier at today's cost; NULL when it needs none */
};

/* Before the password is looked at. account NULL: there is none, or the dialect's kind of password does not open it. */
MUST_CHECK enum err guard_open(struct call *call, struct worker *worker, const struct account *account,
                               struct guard *guard_r);
/* On a hashing worker: looks at it, in the same time whether there is something to be looked at or not. The verifier is
 * the account's, or NULL. */
MUST_CHECK enum err guard_check(struct call *call, struct worker *worker, struct guard *guard, const char *verifier,
                                struct secret input);
/* Afterwards: what was found is counted, and the answer. ERR_PASSWORD also for a right password while tries are shut
 * out. */
MUST_CHECK enum err guard_close(struct call *call, struct worker *worker, const struct guard *guard);

#endif
