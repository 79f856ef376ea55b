/* An account as a row of a result: shared by the statements of sql/ that select one, from a table or alias `a`. */
#ifndef SQL_ACCOUNT_ROW_H
#define SQL_ACCOUNT_ROW_H

#include "sql/accounts.h"
#include "sql/pg.h"

#define ACCOUNT_COLUMNS                                                                                                \
    "a.id, a.type, a.state, a.name, coalesce(a.nickname, ''), a.des, a.device_type, a.jid_local, a.jid_state, "        \
    "a.jid_password, a.jid_key, a.consent, a.banned_at is not null, coalesce(a.display_name, ''), "                    \
    "coalesce(a.email, ''), a.salt, a.phone_proved, a.role, a.invite_code, coalesce(a.inviter, 0), "                   \
    "coalesce(a.xid_hash, ''), (extract(epoch from coalesce(a.claims_since, a.created_at)) * 1000000)::bigint"
enum { ACCOUNT_COLUMN_COUNT = 22 };

/* Reads ACCOUNT_COLUMNS, which must be the result's first columns. */
struct account account_of_row(struct arena *arena, const PGresult *result, int row);
/* Runs a statement that selects ACCOUNT_COLUMNS of one account at most. ERR_NO_SUCH_NAME when there is none. */
MUST_CHECK enum err account_of_stmt(struct pg *pg, struct arena *arena, const struct stmt *stmt,
                                    const struct pg_args *args, struct account *account_r);
/* The same of several that were looked for in a list, with each one's position in it, from 0, as one more column. */
MUST_CHECK enum err accounts_of_stmt(struct pg *pg, struct arena *arena, const struct stmt *stmt,
                                     const struct pg_args *args, struct account **accounts_r, size_t **position_r,
                                     size_t *count_r);

#endif
