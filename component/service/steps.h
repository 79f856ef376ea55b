/* Registering in steps (004): a code, then a password, then the account. The first step, sending the code, is
 * op_send_code (code_send.h); it touches nothing of what later steps have made. A step answers ERR_CODE when the ones
 * before it were not taken, or not by who asks now (component/cache/steps.h). */
#ifndef REGISTRAR_SERVICE_STEPS_H
#define REGISTRAR_SERVICE_STEPS_H

#include <stdint.h>

#include "component/cache/steps.h"
#include "component/service/phone.h"

/* What the code of the first step is bound to. */
struct code_bond steps_bond(const char *phone);

/* Step 2: the code. ERR_CODE: it is wrong. ERR_LIMITED. */
struct steps_verify_io {
    const char *phone; /* E.164 */
    const char *code;
    struct secret cookie; /* out: what proves later steps */
};
extern const struct op op_steps_verify;

/* Step 3: the password. ERR_INVALID: its length; ERR_CONFLICT: it is not the confirmation. */
struct steps_password_io {
    const char *phone;
    struct secret cookie; /* empty without one */
    struct secret password, confirmation;
    int64_t least, most; /* characters */
};
extern const struct op op_steps_password;

/* Step 4: the account. Errors of op_phone_register besides. */
struct steps_account_io {
    struct phone_io phone; /* first: its steps run on it. bond.phone and email go in */
    struct secret cookie;
    struct steps steps; /* between the steps */
};
extern const struct op op_steps_account;

#endif
