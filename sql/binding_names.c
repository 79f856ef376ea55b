#include "sql/binding_names.h"

#include "component/base/arena.h"
#include "sql/pg.h"
#include "sql/shown_row.h"
#include "sql/to_outbox.h"

struct shown_as shown_of_row(struct arena *arena, const PGresult *result, int row, int column)
{
    struct shown_as shown = {.nickname = pg_text(arena, result, row, column),
                             .has_groups = !PQgetisnull(result, row, column + 1)};
    shown.groups = pg_joined(arena, result, row, column + 1, &shown.group_count);
    return shown;
}

enum err binding_names_set(struct pg *pg, struct arena *arena, int64_t account_id, int64_t peer_id,
                           const struct rename *rename, int64_t *version_r)
{
    static const struct stmt set = {"binding_names_set",
                                    "with wish as (update bindings set version = nextval('wish_version'), "
                                    "low_nickname = case when low = $1 and $3 then $4 else low_nickname end, "
                                    "high_nickname = case when high = $1 and $3 then $4 else high_nickname end, "
                                    "low_groups = case when low = $1 and $5 then $6::text[] else low_groups end, "
                                    "high_groups = case when high = $1 and $5 then $6 else high_groups end "
                                    "where low = least($1::bigint, $2::bigint) and high = greatest($1, $2) and wanted "
                                    "returning low, high, version), " PAIRS_TO_OUTBOX "select version from wish"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, peer_id);
    pg_arg_bool(&args, rename->sets_nickname);
    pg_arg_text(&args, rename->to.nickname);
    pg_arg_bool(&args, rename->sets_groups);
    if (rename->to.has_groups)
        pg_arg_texts(&args, arena, rename->to.groups, rename->to.group_count);
    else
        pg_arg_text(&args, NULL);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &set, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_BOUND;
    if (err == OK)
        *version_r = pg_i64(result, 0, 0);
    PQclear(result);
    return err;
}
