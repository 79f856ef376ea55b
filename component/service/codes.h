/* Checking phone codes, for all dialects. Without Redis no code passes. */
#ifndef REGISTRAR_SERVICE_CODES_H
#define REGISTRAR_SERVICE_CODES_H

#include "component/base/err.h"
#include "component/cache/codes.h"
#include "component/service/call.h"
#include "component/service/code_bond.h"

/* Verifying ahead (000's verifyMes): ERR_CODE when it is wrong. */
struct verify_code_io {
    struct code_bond bond; /* phone may be NULL where the handle alone names the code */
    const char *code;
};
extern const struct op op_verify_code;

/* For operations that need a code, on a database worker. code_look says whether it is right without taking it (a wrong
 * one costs a try); code_take claims it for the operation: it must be settled by code_give_back, code_pass or
 * code_spend. code NULL: one that was verified ahead. ERR_CODE: wrong, or not for this phone and purpose. */
MUST_CHECK enum err code_look(struct call *call, struct worker *worker, const struct code_bond *bond, const char *code);
MUST_CHECK enum err code_take(struct call *call, struct worker *worker, const struct code_bond *bond, const char *code,
                              struct code_claim *claim_r);
void code_give_back(struct services *services, struct worker *worker, const struct code_claim *claim);
/* It was right: it is used, and what it was for goes on. */
void code_pass(struct services *services, struct worker *worker, const struct code_claim *claim);
/* What it was for is done: every other code of the phone is void, too. code_void: likewise, where no code was claimed.
 */
void code_spend(struct services *services, struct worker *worker, const struct code_claim *claim);
void code_void(struct services *services, struct worker *worker, const char *phone);

/* Counts a check of a code against the address's limit, where no other limit does. ERR_LIMITED, ERR_CACHE_DOWN. */
MUST_CHECK enum err code_limit_checks(struct call *call, struct worker *worker);

#endif
