#include "sql/administration.h"

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/pg.h"

enum err administration_find_jid(struct pg *pg, struct arena *arena, const char *jid_local, struct account *account_r)
{
    static const struct stmt find = {"administration_find_jid",
                                     "select " ACCOUNT_COLUMNS " from accounts a where jid_local = $1"};
    struct pg_args args = {0};
    pg_arg_text(&args, jid_local);
    return account_of_stmt(pg, arena, &find, &args, account_r);
}

enum err administration_facts(struct pg *pg, int64_t account_id, struct account_facts *facts_r)
{
    static const struct stmt facts = {
        "administration_facts",
        "select extract(epoch from created_at)::bigint, extract(epoch from cancelled_at)::bigint, "
        "extract(epoch from banned_at)::bigint, extract(epoch from jid_checked_at)::bigint, "
        "extract(epoch from compared_at)::bigint, jid_key, c.outcome, c.drift, "
        "(select count(*) from sessions where account_id = a.id and expires_at > now()), "
        "(select count(*) from bindings where low = a.id and wanted) + "
        "(select count(*) from bindings where high = a.id and wanted), "
        "(select count(*) from bindings where low = a.id and (not wanted or seen_version <> version)) + "
        "(select count(*) from bindings where high = a.id and (not wanted or seen_version <> version)) "
        "from accounts a left join comparisons c on c.account_id = a.id where id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &facts, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK)
        *facts_r = (struct account_facts){
            .created_at = pg_i64(result, 0, 0),
            .cancelled_at = pg_i64(result, 0, 1),
            .banned_at = pg_i64(result, 0, 2),
            .jid_checked_at = pg_i64(result, 0, 3),
            .compared_at = pg_i64(result, 0, 4),
            .jid_key = pg_i64(result, 0, 5),
            .outcome = pg_i64(result, 0, 6),
            .drift = pg_i64(result, 0, 7),
            .sessions = pg_i64(result, 0, 8),
            .bound = pg_i64(result, 0, 9),
            .pending = pg_i64(result, 0, 10),
        };
    PQclear(result);
    return err;
}

enum err administration_set_role(struct pg *pg, int64_t account_id, enum role role)
{
    static const struct stmt set = {"administration_set_role",
                                    "update accounts set role = $2 where id = $1 and state = 1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, role);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &set, &args, &rows);
    return err == OK && rows != 1 ? ERR_NOT_FOUND : err;
}

enum err administration_accounts(struct pg *pg, struct arena *arena, int64_t after, int64_t most, int64_t **ids_r,
                                 size_t *count_r)
{
    static const struct stmt list = {"administration_accounts",
                                     "select id from accounts where id > $1 and state = 1 order by id limit $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, after);
    pg_arg_i64(&args, most);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &list, &args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *ids_r = arena_array(arena, *count_r, sizeof **ids_r);
    for (size_t i = 0; i < *count_r; i++)
        (*ids_r)[i] = pg_i64(result, (int)i, 0);
    PQclear(result);
    return OK;
}

#define WISH_COLUMNS                                                                                                   \
    "kind, low, high, attempts, extract(epoch from now() - since)::bigint, "                                           \
    "(extract(epoch from due_at - now()) * 1000)::bigint, case when lease is null then '' else lease_owner end, "      \
    "coalesce(last_error, '')"

static struct waiting_wish wish_of_row(struct arena *arena, const PGresult *result, int row)
{
    return (struct waiting_wish){
        .kind = (enum outbox_kind)pg_i64(result, row, 0),
        .low = pg_i64(result, row, 1),
        .high = pg_i64(result, row, 2),
        .attempts = pg_i64(result, row, 3),
        .age_s = pg_i64(result, row, 4),
        .due_ms = pg_i64(result, row, 5),
        .owner = pg_text(arena, result, row, 6),
        .error = pg_text(arena, result, row, 7),
    };
}

enum err administration_wishes(struct pg *pg, struct arena *arena, int64_t most, struct waiting_wish **wishes_r,
                               size_t *count_r, int64_t *total_r)
{
    static const struct stmt list = {"administration_wishes", "select " WISH_COLUMNS ", count(*) over () from outbox "
                                                              "order by attempts desc, since, id limit $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &list, &args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *total_r = *count_r > 0 ? pg_i64(result, 0, 8) : 0;
    *wishes_r = arena_array(arena, *count_r, sizeof **wishes_r);
    for (size_t i = 0; i < *count_r; i++)
        (*wishes_r)[i] = wish_of_row(arena, result, (int)i);
    PQclear(result);
    return OK;
}

enum err administration_wish(struct pg *pg, struct arena *arena, enum outbox_kind kind, int64_t account_id,
                             struct waiting_wish *wish_r)
{
    static const struct stmt find = {"administration_wish",
                                     "select " WISH_COLUMNS " from outbox where kind = $1 and low = $2 and high = 0"};
    struct pg_args args = {0};
    pg_arg_i64(&args, kind);
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &find, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK)
        *wish_r = wish_of_row(arena, result, 0);
    PQclear(result);
    return err;
}
