/* Asks: somebody wishes to be bound to an account whose consent is "ask". One a pair: it is open until the account that
 * was asked answers, and a refusal is remembered. One that has run out counts for nothing, and so does one of a pair
 * that was bound meanwhile. */
#ifndef SQL_ASKS_H
#define SQL_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"

struct arena;
struct pg;

enum ask_state { ASK_NONE = 0, ASK_OPEN = 1, ASK_REFUSED = 2 };

struct ask {
    int64_t id; /* 0: none */
    int64_t asker, asked;
    enum ask_state state;
    int64_t left_ms; /* until it runs out */
};

/* In the order of peers: what there is between `account` and each of them. `lock`: in a transaction, and it stays so.
 */
MUST_CHECK enum err asks_look(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers, size_t count,
                              bool lock, struct ask *asks_r);
/* Whether one of the accounts is asked by `most` or more. Who is banned does not count: he is not shown to who is
 * asked, who could not make room by answering. */
MUST_CHECK enum err asks_full(struct pg *pg, struct arena *arena, const int64_t *accounts, size_t count, int64_t most,
                              bool *full_r);
/* In a transaction: opens asks, and wishes the messages that say so. What there was between two is replaced if it has
 * run out or was the asker's own refusal; ERR_BUSY when there is something else: somebody has just asked. */
MUST_CHECK enum err asks_open(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers, size_t count,
                              int64_t lifetime_ms);
/* In a transaction: the pairs are bound: nothing is asked or refused any more. */
MUST_CHECK enum err asks_end(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers, size_t count);
/* The same for all of an account's, for a cancel. */
MUST_CHECK enum err asks_end_all(struct pg *pg, int64_t account);
/* In a transaction: what is asked between `account` and each of peers, by whom ever, is so no more; which of them it
 * was goes to withdrawn_r, of count. Refusals stay. */
MUST_CHECK enum err asks_withdraw(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers,
                                  size_t count, bool *withdrawn_r);
/* An open ask; ERR_NOT_FOUND. `lock` as above. */
MUST_CHECK enum err asks_get(struct pg *pg, int64_t id, bool lock, struct ask *ask_r);
/* It is refused, and remembered for lifetime_ms. ERR_NOT_FOUND: it is not open (any more), and nothing is. */
MUST_CHECK enum err asks_refuse(struct pg *pg, int64_t id, int64_t lifetime_ms);

/* An open ask with an account: who asks, or who is asked. */
struct ask_with {
    struct ask ask;
    struct account other;
};
/* What the account is asked, the oldest first, at most `most`; the arena's. */
MUST_CHECK enum err asks_list(struct pg *pg, struct arena *arena, int64_t account, size_t most,
                              struct ask_with **asks_r, size_t *count_r);
/* For the message: an open ask of the pair with who asks, and the JID of who is asked. ERR_NOT_FOUND: nothing is to be
 * said any more. */
MUST_CHECK enum err asks_load(struct pg *pg, struct arena *arena, int64_t low, int64_t high, struct ask_with *ask_r,
                              const char **asked_jid_r);
/* Deletes at most `most` that have run out. */
MUST_CHECK enum err asks_purge(struct pg *pg, int64_t most, int64_t *count_r);

#endif
