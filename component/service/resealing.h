/* Sealing anew under the first key of the ring, so that an older one can be retired. Straight-line code, a batch a
 * transaction; it may be stopped at any time and begun again, beside everything else that goes on. */
#ifndef REGISTRAR_SERVICE_RESEALING_H
#define REGISTRAR_SERVICE_RESEALING_H

#include <stdint.h>

#include "component/base/err.h"
#include "sql/sealed_values.h"

struct keyring;
struct pg;

/* What a kind is called: "jid passwords". */
const char *resealing_kind_name(enum sealed_kind kind);

struct resealed {
    int64_t done;
    int64_t lost; /* cannot be opened: their key is not in the ring */
};
/* All of a kind. What was done so far goes out after an error, too. */
MUST_CHECK enum err resealing_run(struct pg *pg, const struct keyring *ring, enum sealed_kind kind,
                                  struct resealed *resealed_r);

#endif
