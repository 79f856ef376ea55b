/* The outbox: what is still to be made true on the XMPP server. A row is taken by a lease (its due time moves into the
 * future), and given back done or to be retried. A row that was changed while somebody worked on it comes up again. */
#ifndef SQL_OUTBOX_H
#define SQL_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct instance;
struct pg;

enum outbox_kind {
    OUTBOX_CREATE_JID = 1,
    OUTBOX_DELETE_JID = 2,
    OUTBOX_PAIR = 3,
    OUTBOX_CHECK_JID = 4,
    OUTBOX_COMPARE = 5,
    OUTBOX_DOOR = 6,
    OUTBOX_ASK = 7, /* the pair's ask is told (sql/asks.h) */
};
enum { OUTBOX_KINDS = 8 /* the schema has room for one more */ };

struct outbox_item {
    int64_t id;
    enum outbox_kind kind;
    int64_t low, high; /* the account (high 0), or the pair */
    int64_t version;
    int64_t lease;     /* of this taking: rows that were taken together share it */
    unsigned attempts; /* this one included */
    int64_t age_ms;    /* since the wish */
    bool contested;    /* a pair whose last attempt ended in ERR_CONFLICT: somebody writes against us */
};

/* In a transaction: a wish about an account's JID. `owner` is the process whose request waits for it
 * (OUTBOX_CREATE_JID: nobody else takes it before register_wait has passed). Pairs come in through bindings_want and
 * its like. */
MUST_CHECK enum err outbox_add(struct pg *pg, enum outbox_kind kind, int64_t account_id, const char *owner);
/* The same, to begin with after delay_ms; one that is there already stays as it is. */
MUST_CHECK enum err outbox_add_later(struct pg *pg, enum outbox_kind kind, int64_t account_id, int64_t delay_ms);
/* Drops an account's wish of the kind unless somebody is at it: then he does, when he is done. */
MUST_CHECK enum err outbox_drop(struct pg *pg, enum outbox_kind kind, int64_t account_id);

struct outbox_claim {
    const char *owner;
    int64_t lease_ms;
    int64_t register_wait_ms;
    bool creates_only; /* no link: only registrations that are to be undone */
    size_t most;
    size_t compares_most;  /* of them, comparisons */
    size_t contested_most; /* of them, contested pairs: those that were tried least often first */
    int64_t *lost; /* the caller's from call to call, 0 at first: a lease whose rows nobody was told of; or NULL */
};
/* Takes rows that are due: registrations first, because somebody waits for each, then the oldest, comparisons last; a
 * JID is deleted only after everything else about the account is through. The arena's. When the answer to the call
 * before was lost, what that took is taken by this one. A relaxed session may run it outside a transaction: if it is
 * forgotten, the rows are due again, and who holds them is late. */
MUST_CHECK enum err outbox_take(struct pg *pg, struct arena *arena, const struct outbox_claim *claim,
                                struct outbox_item **items_r, size_t *count_r);
/* A number that no other taking of a row had. */
int64_t outbox_new_lease(void);
/* In a transaction: the item is true. A wish that changed meanwhile is made due again. When the lease had run out, what
 * was done may have come too late: a pair is made due again, and so is the deletion of a cancelled account's JID. */
MUST_CHECK enum err outbox_done(struct pg *pg, const struct outbox_item *item);
/* The item failed: due again after wait_ms, or as outbox_done says. `error` is a short text without secrets. */
MUST_CHECK enum err outbox_retry(struct pg *pg, const struct outbox_item *item, int64_t wait_ms, const char *error);
/* The process stops, which says nothing about the item: due at once, as if it had not been taken. */
MUST_CHECK enum err outbox_give_back(struct pg *pg, const struct outbox_item *item);

/* At start: what earlier runs under this name held is due at once and this one's, their unfinished registrations as
 * second attempts (so they are undone). */
MUST_CHECK enum err outbox_release(struct pg *pg, const struct instance *instance);
/* After a reconnect: what waits for its next attempt is due at once. */
MUST_CHECK enum err outbox_hurry(struct pg *pg);

struct outbox_counts {
    int64_t waiting[OUTBOX_KINDS]; /* by kind */
    int64_t stuck;                 /* attempts >= stuck_after */
    int64_t oldest_ms;
    int64_t next_due_ms; /* until the next row is due; a large number when there is none */
};
/* Wishes of kinds that only a newer program knows are left to it, here and in outbox_take. */
MUST_CHECK enum err outbox_count(struct pg *pg, int64_t stuck_after, struct outbox_counts *counts_r);

#endif
