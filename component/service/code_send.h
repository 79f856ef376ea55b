/* Asking for a phone code, for all dialects. */
#ifndef REGISTRAR_SERVICE_CODE_SEND_H
#define REGISTRAR_SERVICE_CODE_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/cache/codes.h"
#include "component/service/call.h"
#include "component/service/code_bond.h"

struct send_code_io {
    struct code_bond bond; /* where the handle is ours, a fresh one (a UUID) goes out in it */
    bool tells_existence;  /* registration: ERR_NAME_TAKEN when the phone has a proved account; reset: ERR_NO_SUCH_NAME
                              when it has none */
    bool resends_quietly;  /* within the resend window, while the first code stands: OK, and nothing is sent. Otherwise
                              ERR_LIMITED */
    unsigned digits;
    int64_t tries;
    const char *picture_id, *picture_answer; /* solved where one is needed; NULL without one */
    /* out */
    const char *why; /* with ERR_NOT_SENT: the provider's own text, or "" */
    /* between the steps */
    const char *code;
    enum err sent;
    struct code_ask ask;
    const char *limited_by; /* for the metric; NULL: a limit */
};
/* ERR_LIMITED, ERR_PICTURE (a picture is needed, or was not solved), ERR_NOT_SENT, ERR_NAME_TAKEN, ERR_NO_SUCH_NAME;
 * ERR_CACHE_DOWN: nothing is sent then. */
extern const struct op op_send_code;

#endif
