/* What stands between a stranger and an expensive call: a picture's answer, or a request signed by an application. */
#ifndef REGISTRAR_SERVICE_PROOF_H
#define REGISTRAR_SERVICE_PROOF_H

#include <stdbool.h>

#include "component/base/err.h"
#include "component/service/call.h"
#include "sql/accounts.h"

struct proof {
    const char *picture_id;     /* NULL without one */
    const char *picture_answer; /* NULL when none was sent */
    bool signed_fresh;          /* the dialect checked a signature with a fresh timestamp */
    const char *nonce;          /* of the signature, with the application's id; NULL without one */
};

/* On a database worker. A picture that was answered must be right; without an answer a Device may log in, and a Device
 * whose request is signed freshly with a nonce not seen before may do all (dialects.md, 003). ERR_PICTURE otherwise. */
MUST_CHECK enum err proof_check(struct call *call, struct worker *worker, const struct proof *proof,
                                enum account_type type, bool login);

/* Making a picture (003 /verify_code). */
struct picture_io {
    const char *id;  /* out */
    const void *png; /* out */
    size_t length;   /* out */
    char answer[16]; /* between the steps */
};
extern const struct op op_picture;

#endif
