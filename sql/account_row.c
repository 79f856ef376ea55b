#include "sql/account_row.h"

#include "component/base/arena.h"

struct account account_of_row(struct arena *arena, const PGresult *result, int row)
{
    struct account account = {
        .id = pg_i64(result, row, 0),
        .type = (enum account_type)pg_i64(result, row, 1),
        .state = (enum account_state)pg_i64(result, row, 2),
        .name = pg_text(arena, result, row, 3),
        .nickname = pg_text(arena, result, row, 4),
        .des = pg_text(arena, result, row, 5),
        .device_type = pg_text(arena, result, row, 6),
        .jid_local = pg_text(arena, result, row, 7),
        .jid_state = (enum jid_state)pg_i64(result, row, 8),
        .consent = (enum consent)pg_i64(result, row, 11),
        .banned = pg_bool(result, row, 12),
        .display_name = pg_text(arena, result, row, 13),
        .email = pg_text(arena, result, row, 14),
        .salt = pg_text(arena, result, row, 15),
        .proved = pg_bool(result, row, 16),
        .role = (enum role)pg_i64(result, row, 17),
        .invite_code = pg_text(arena, result, row, 18),
        .inviter = pg_i64(result, row, 19),
        .xid_hash = pg_text(arena, result, row, 20),
        .claims_era = pg_i64(result, row, 21),
    };
    account.jid_password.bytes = pg_bytes(arena, result, row, 9, &account.jid_password.length);
    account.jid_password.key_id = (int32_t)pg_i64(result, row, 10);
    return account;
}

enum err account_of_stmt(struct pg *pg, struct arena *arena, const struct stmt *stmt, const struct pg_args *args,
                         struct account *account_r)
{
    PGresult *result = NULL;
    enum err err = pg_run(pg, stmt, args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NO_SUCH_NAME;
    if (err == OK)
        *account_r = account_of_row(arena, result, 0);
    PQclear(result);
    return err;
}

enum err accounts_of_stmt(struct pg *pg, struct arena *arena, const struct stmt *stmt, const struct pg_args *args,
                          struct account **accounts_r, size_t **position_r, size_t *count_r)
{
    PGresult *result = NULL;
    const enum err err = pg_run(pg, stmt, args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *accounts_r = arena_array(arena, *count_r, sizeof **accounts_r);
    *position_r = arena_array(arena, *count_r, sizeof **position_r);
    for (size_t i = 0; i < *count_r; i++) {
        (*accounts_r)[i] = account_of_row(arena, result, (int)i);
        (*position_r)[i] = (size_t)pg_i64(result, (int)i, ACCOUNT_COLUMN_COUNT);
    }
    PQclear(result);
    return OK;
}
