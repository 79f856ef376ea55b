#include "sql/jids.h"

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/pg.h"

enum err jids_check(struct pg *pg, const char *local, int64_t *id_r)
{
    static const struct stmt check = {
        "jids_check", "select id, state, banned_at is not null from accounts where jid_local = $1 and state < 2"};
    struct pg_args args = {0};
    pg_arg_text(&args, local);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &check, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NO_SUCH_NAME;
    if (err == OK) {
        *id_r = pg_i64(result, 0, 0);
        err = pg_bool(result, 0, 2) ? ERR_BANNED : pg_i64(result, 0, 1) != ACCOUNT_ACTIVE ? ERR_JID_PENDING : OK;
    }
    PQclear(result);
    return err;
}

enum err jids_find_all(struct pg *pg, struct arena *arena, const char *const *locals, size_t count,
                       struct account **accounts_r, size_t **position_r, size_t *count_r)
{
    static const struct stmt find = {"jids_find_all",
                                     "select " ACCOUNT_COLUMNS
                                     ", q.position - 1 from unnest($1::text[]) with ordinality q(jid, position) "
                                     "join accounts a on a.jid_local = q.jid where a.state < 2 order by q.position"};
    struct pg_args args = {0};
    pg_arg_texts(&args, arena, locals, count);
    return accounts_of_stmt(pg, arena, &find, &args, accounts_r, position_r, count_r);
}
