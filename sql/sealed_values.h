/* What is sealed at rest, by the key it is sealed under: to see whether a key may be retired, and to seal anew. */
#ifndef SQL_SEALED_VALUES_H
#define SQL_SEALED_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"

struct arena;
struct pg;

enum sealed_kind {
    SEALED_JID_PASSWORD,  /* accounts.jid_password */
    SEALED_NEXT_PASSWORD, /* doors.next_password */
    SEALED_SECRET,        /* 004's, verifiers.sealed */
    SEALED_IDENTITY,      /* 002's identity_card */
    SEALED_KINDS
};

struct sealed_count {
    enum sealed_kind kind;
    int64_t key_id, count;
};
/* How many there are of each kind under each key; the arena's. */
MUST_CHECK enum err sealed_values_count(struct pg *pg, struct arena *arena, struct sealed_count **counts_r,
                                        size_t *count_r);

struct sealed_value {
    int64_t account_id;
    const char *jid_local, *name; /* of the account; what the contexts are made of */
    struct sealed sealed;
};
/* Those of a kind that are sealed under another key, of accounts after that id and in their order, at most `most`; the
 * arena's. */
MUST_CHECK enum err sealed_values_get(struct pg *pg, struct arena *arena, enum sealed_kind kind, int64_t key_id,
                                      int64_t after, int64_t most, struct sealed_value **values_r, size_t *count_r);
/* `fresh` in the place of what was read, unless that has changed meanwhile (OK, too). */
MUST_CHECK enum err sealed_values_put(struct pg *pg, enum sealed_kind kind, const struct sealed_value *value,
                                      const struct sealed *fresh);

#endif
