/* Who is bound to whom: wishes with versions, and what the server was last seen to show of them. */
#ifndef SQL_BINDINGS_H
#define SQL_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"

struct arena;
struct pg;
struct taking;

/* A wish that was just committed to: the pair and the version that tells it from earlier ones. */
struct wish {
    int64_t low, high;
    int64_t version;
};

/* All of these are for transactions; wishes go to the outbox with them. Where there is a `taking` (sql/taking.h; NULL:
 * none), with room for all that are wished, they are taken from there by the same statement, unless somebody is at the
 * pair. */

struct want_terms {
    bool agreed;  /* all of them did, if they wish to be asked */
    int64_t most; /* bindings of an account */
    struct taking *taking;
};
/* Wishes that `asker` be bound to each of `peers` (distinct, none the asker). All of them are held against being
 * cancelled until the transaction ends: ERR_NOT_FOUND unless all are active. Those that were bound already are not
 * among the wishes that come out (the arena's): the caller compares the counts and rolls back. ERR_LIMITED: one of the
 * accounts would have more than `most` bindings then (also counted are wishes that are not fulfilled yet). ERR_REFUSED:
 * a peer was asked and said no (sql/asks.h), refuses bindings by now, or one of them is banned. ERR_CONFLICT: a peer
 * wishes to be asked by now, unless they all have `agreed`. Any error: to be rolled back. What else was asked between
 * them is settled. */
MUST_CHECK enum err bindings_want(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers, size_t count,
                                  const struct want_terms *terms, struct wish **wishes_r, size_t *wish_count_r);
/* The opposite; those that were not bound are not among the wishes. */
MUST_CHECK enum err bindings_unwant(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers,
                                    size_t count, struct taking *taking, struct wish **wishes_r, size_t *wish_count_r);
/* Ends all of an account's, for a cancel. */
MUST_CHECK enum err bindings_unwant_all(struct pg *pg, int64_t account_id);
/* Has all of an account's compared with the server anew, because its JID was made again. */
MUST_CHECK enum err bindings_reaffirm_all(struct pg *pg, int64_t account_id);
/* Which of the peers the account is bound to: bound_r, of count. */
MUST_CHECK enum err bindings_find(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers,
                                  size_t count, bool *bound_r);
/* How many an account has. */
MUST_CHECK enum err bindings_count(struct pg *pg, int64_t account_id, int64_t *count_r);

/* How many of the wishes the server was seen to show (or have been overtaken by a newer one). */
MUST_CHECK enum err bindings_count_seen(struct pg *pg, struct arena *arena, const struct wish *wishes, size_t count,
                                        size_t *seen_r);

/* Somebody an account is bound to, and how its roster was last seen to show him. */
struct bound_peer {
    struct account peer;
    bool seen;        /* false: the roster was not yet seen to hold him; what follows is empty then */
    int subscription; /* 0 none, 1 to, 2 from, 3 both */
    const char *nickname;
    const char *const *groups;
    size_t group_count;
};
/* In the order of ids; the arena's. */
MUST_CHECK enum err bindings_list(struct pg *pg, struct arena *arena, int64_t account_id, struct bound_peer **peers_r,
                                  size_t *count_r);

#endif
