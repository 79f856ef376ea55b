/* Pairs' wishes that are taken from the outbox by who makes them, in the statement that does so: they are worked on as
 * soon as they are committed, and nobody has to look for them. Their lease is as any other (sql/outbox.h). */
#ifndef SQL_TAKING_H
#define SQL_TAKING_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/outbox.h"
#include "sql/pairs.h"
#include "sql/pg.h"

struct taken {
    struct arena *arena; /* of the pair's strings, which whoever works on it takes over; NULL: it is not there */
    struct outbox_item item;
    struct pair pair;
};

struct taking {
    const char *owner; /* as struct outbox_claim */
    int64_t lease_ms;
    int64_t lease; /* drawn for this taking */
    size_t most;   /* wishes that may be made with it */
    /* out */
    size_t count;
    struct taken taken[]; /* room for `most` */
};

struct taking *taking_new(const char *owner, int64_t lease_ms, size_t most);
/* With the arenas that were not taken over. A null pointer in it is fine. */
void taking_free(struct taking **taking);
/* Nothing is taken yet, or any more, because the transaction was rolled back. A null pointer is fine. */
void taking_clear(struct taking *taking);

/* For the statements that make wishes. They have `wish` and `job` (to_outbox.h), the latter with the parameters that
 * taking_args adds: lease, owner, milliseconds; nulls, if taking is NULL. */
void taking_args(struct pg_args *args, const struct taking *taking);
/* What they select of them: ACCOUNT_COLUMNS, WISHED_COLUMNS and more, a row a wish, or two, one with each account, for
 * those that were taken: job and then TAKEN_ACCOUNTS of the table, with the lease's parameter. */
#define WISHED_COLUMNS ", j.low, j.high, j.version, j.id, a.id is not null "
enum { WISHED_COLUMN_COUNT = 5 };
#define TAKEN_ACCOUNTS(table, lease)                                                                                   \
    "left join lateral (select * from " table " where j.lease = " lease                                                \
    "::bigint and id in (j.low, j.high) offset 0) "                                                                    \
    "a on true"

struct wish;
/* The wishes, in the arena, and what was taken of them; a row without a wish has nulls. */
void taking_read(const PGresult *result, bool wanted, struct taking *taking, struct arena *arena,
                 struct wish **wishes_r, size_t *wish_count_r);

#endif
