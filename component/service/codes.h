/* Phone codes for all dialects: asking for one, and checking it. */
#ifndef REGISTRAR_SERVICE_CODES_H
#define REGISTRAR_SERVICE_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/cache/codes.h"
#include "component/service/call.h"

enum code_purpose { CODE_ANY, CODE_REGISTER, CODE_RESET };

/* What a code is bound to. */
struct code_bond {
    const char *dialect;       /* "001" */
    enum code_purpose purpose; /* CODE_ANY where the dialect does not say one when it asks */
    const char *phone;         /* E.164 */
    const char *handle;        /* the client's xid, or ""; or one of ours (000's temp_id), which names the code alone */
    bool handle_is_ours;
};

/* Sending. */
struct send_code_io {
    struct code_bond bond; /* where the handle is ours, a fresh one (a UUID) goes out in it */
    bool tells_existence;  /* registration: ERR_NAME_TAKEN when the phone has a proved account; reset: ERR_NO_SUCH_NAME
                              when it has none */
    bool resends_quietly;  /* within the resend window, while the first code stands: OK, and nothing is sent. Otherwise
                              ERR_LIMITED */
    unsigned digits;
    int64_t tries;
    const char *picture_id, *picture_answer; /* what an address over its soft limit must solve; NULL without one */
    /* out */
    const char *why; /* with ERR_NOT_SENT: the provider's own text, or "" */
    /* between the steps */
    const char *code;
    enum err sent;
    struct code_ask ask;
};
/* ERR_LIMITED, ERR_PICTURE (a picture is needed, or was not solved), ERR_NOT_SENT, ERR_NAME_TAKEN, ERR_NO_SUCH_NAME;
 * ERR_CACHE_DOWN: nothing is sent then. */
extern const struct op op_send_code;

/* Verifying ahead (000's verifyMes): ERR_CODE when it is wrong. */
struct verify_code_io {
    struct code_bond bond; /* phone may be NULL where the handle alone names the code */
    const char *code;
};
extern const struct op op_verify_code;

/* For operations that need a code, on a database worker. code_look says whether it is right without taking it (a wrong
 * one costs a try); code_take claims it for the operation: it must be settled by code_give_back or code_spend. code
 * NULL: one that was verified ahead. ERR_CODE: wrong, or not for this phone and purpose. */
MUST_CHECK enum err code_look(struct services *services, struct worker *worker, struct arena *arena,
                              const struct code_bond *bond, const char *code);
MUST_CHECK enum err code_take(struct services *services, struct worker *worker, struct arena *arena,
                              const struct code_bond *bond, const char *code, struct code_claim *claim_r);
void code_give_back(struct services *services, struct worker *worker, const struct code_claim *claim);
void code_spend(struct services *services, struct worker *worker, const struct code_claim *claim);

#endif
