/* What is done about differences between bindings and rosters. A comparison takes a while, and bindings change
 * meanwhile: so each of these looks again whether a pair is still the one that was compared, and nobody is at it. */
#ifndef SQL_DRIFT_H
#define SQL_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"
#include "sql/binding_names.h"

struct arena;
struct pg;

/* A pair as it was compared: the account's peer, and the version of the wish. `holds`: it still is so. */
struct compared_pair {
    int64_t peer;
    int64_t version;
    bool holds;
};

/* Whether the account is in the state that was compared, and no wish about its JID is waiting. What a banned one lacks
 * is seen to when it is not banned any more. */
MUST_CHECK enum err drift_account_holds(struct pg *pg, int64_t account_id, enum account_state state, bool *holds_r);
/* Sets each one's `holds`: wanted, of that version, seen on both sides, and not waiting. */
MUST_CHECK enum err drift_pairs_hold(struct pg *pg, struct arena *arena, int64_t account_id,
                                     struct compared_pair *pairs, size_t count);
/* Of the local parts those whose accounts are cancelled or were bound to the account once, and are not now: what its
 * roster shows of them is a left-over. Ids in the arena. */
MUST_CHECK enum err drift_left_overs(struct pg *pg, struct arena *arena, int64_t account_id, const char *const *locals,
                                     size_t count, int64_t **ids_r, size_t *count_r);

/* In a transaction, as what follows. Wishes those that still hold anew (`wanted`), or that they end. How many it was
 * goes to changed_r. */
MUST_CHECK enum err drift_wish_pairs(struct pg *pg, struct arena *arena, int64_t account_id,
                                     const struct compared_pair *pairs, size_t count, bool wanted, int64_t *changed_r);
/* Wishes that the account and each of `peers` not show each other, unless there is a binding by now. */
MUST_CHECK enum err drift_wish_removals(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers,
                                        size_t count);
/* The account's roster shows the peer of a pair that still holds in a way of its user's: so it shall. */
MUST_CHECK enum err drift_take_over(struct pg *pg, struct arena *arena, int64_t account_id,
                                    const struct compared_pair *pair, const struct rename *rename);
/* The account's roster was seen to lack each of `peers`. */
MUST_CHECK enum err drift_saw_missing(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers,
                                      size_t count);
/* A cancelled account's JID is there again: it is wished away. */
MUST_CHECK enum err drift_wish_jid_away(struct pg *pg, int64_t account_id);

/* Forgets, up to `most`, which pairs were bound and ended more than remember_ms ago. */
MUST_CHECK enum err drift_forget_ended(struct pg *pg, int64_t remember_ms, int64_t most, int64_t *count_r);

#endif
