#include "sql/sealed_values.h"

#include "component/base/arena.h"
#include "sql/pg.h"

/* One row a kind. get: $1 another key than this, $2 after, $3 most. put: $1 account, $2 what was read, $3 and $4 what
 * takes its place. */
#define GET(column, key, from)                                                                                         \
    "select a.id, a.jid_local, coalesce(a.name, ''), " column ", " key " from " from " where " key " <> $1 "           \
    "and a.id > $2 order by a.id limit $3"
#define PUT(table, column, key, id)                                                                                    \
    "update " table " set " column " = $3, " key " = $4 where " id " = $1 and " column " = $2"
static const struct {
    struct stmt get, put;
} kinds[SEALED_KINDS] = {
    [SEALED_JID_PASSWORD] = {{"sealed_get_jid", GET("a.jid_password", "a.jid_key", "accounts a")},
                             {"sealed_put_jid", PUT("accounts", "jid_password", "jid_key", "id")}},
    [SEALED_NEXT_PASSWORD] = {{"sealed_get_next",
                               GET("d.next_password", "d.next_key", "doors d join accounts a on a.id = d.account_id")},
                              {"sealed_put_next", PUT("doors", "next_password", "next_key", "account_id")}},
    [SEALED_SECRET] = {{"sealed_get_secret",
                        GET("v.sealed", "v.key_id", "verifiers v join accounts a on a.id = v.account_id")},
                       {"sealed_put_secret", PUT("verifiers", "sealed", "key_id", "kind = 4 and account_id")}},
    [SEALED_IDENTITY] = {{"sealed_get_identity", GET("p.identity_card", "p.identity_key",
                                                     "profiles p join accounts a on a.id = p.account_id")},
                         {"sealed_put_identity", PUT("profiles", "identity_card", "identity_key", "account_id")}},
};

enum err sealed_values_count(struct pg *pg, struct arena *arena, struct sealed_count **counts_r, size_t *count_r)
{
    static const struct stmt count = {
        "sealed_count", "select 0, jid_key, count(*) from accounts where jid_key is not null group by 2 union all "
                        "select 1, next_key, count(*) from doors where next_key is not null group by 2 union all "
                        "select 2, key_id, count(*) from verifiers where key_id is not null group by 2 union all "
                        "select 3, identity_key, count(*) from profiles group by 2 order by 1, 2"};
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &count, &(struct pg_args){0}, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *counts_r = arena_array(arena, *count_r, sizeof **counts_r);
    for (int i = 0; i < PQntuples(result); i++)
        (*counts_r)[i] = (struct sealed_count){.kind = (enum sealed_kind)pg_i64(result, i, 0),
                                               .key_id = pg_i64(result, i, 1),
                                               .count = pg_i64(result, i, 2)};
    PQclear(result);
    return OK;
}

enum err sealed_values_get(struct pg *pg, struct arena *arena, enum sealed_kind kind, int64_t key_id, int64_t after,
                           int64_t most, struct sealed_value **values_r, size_t *count_r)
{
    struct pg_args args = {0};
    pg_arg_i64(&args, key_id);
    pg_arg_i64(&args, after);
    pg_arg_i64(&args, most);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &kinds[kind].get, &args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *values_r = arena_array(arena, *count_r, sizeof **values_r);
    for (int i = 0; i < PQntuples(result); i++) {
        struct sealed_value *value = &(*values_r)[i];
        value->account_id = pg_i64(result, i, 0);
        value->jid_local = pg_text(arena, result, i, 1);
        value->name = pg_text(arena, result, i, 2);
        value->sealed.bytes = pg_bytes(arena, result, i, 3, &value->sealed.length);
        value->sealed.key_id = (int32_t)pg_i64(result, i, 4);
    }
    PQclear(result);
    return OK;
}

enum err sealed_values_put(struct pg *pg, enum sealed_kind kind, const struct sealed_value *value,
                           const struct sealed *fresh)
{
    struct pg_args args = {0};
    pg_arg_i64(&args, value->account_id);
    pg_arg_bytes(&args, value->sealed.bytes, value->sealed.length);
    pg_arg_bytes(&args, fresh->bytes, fresh->length);
    pg_arg_i64(&args, fresh->key_id);
    return pg_do(pg, &kinds[kind].put, &args, NULL);
}
