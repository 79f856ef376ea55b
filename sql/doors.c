#include "sql/doors.h"

#include "sql/pg.h"

enum err doors_get(struct pg *pg, struct arena *arena, int64_t account_id, struct door *door_r)
{
    static const struct stmt get = {"doors_get",
                                    "select locked, next_password, next_key from doors where account_id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &get, &args, &result);
    *door_r = (struct door){0};
    if (err == OK && PQntuples(result) > 0) {
        door_r->locked = pg_bool(result, 0, 0);
        door_r->next.bytes = pg_bytes(arena, result, 0, 1, &door_r->next.length);
        door_r->next.key_id = (int32_t)pg_i64(result, 0, 2);
    }
    PQclear(result);
    return err;
}

static enum err touch_account(struct pg *pg, const struct stmt *stmt, int64_t account_id)
{
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    int64_t rows = 0;
    const enum err err = pg_do(pg, stmt, &args, &rows);
    return err == OK && rows != 1 ? ERR_NOT_FOUND : err;
}

enum err doors_ban(struct pg *pg, int64_t account_id)
{
    static const struct stmt ban = {"doors_ban",
                                    "with a as (update accounts set banned_at = coalesce(banned_at, now()) "
                                    "where id = $1 and state = 1 returning id) "
                                    "insert into doors (account_id, locked) select id, true from a "
                                    "on conflict (account_id) do update set locked = true"};
    return touch_account(pg, &ban, account_id);
}

enum err doors_unban(struct pg *pg, int64_t account_id)
{
    static const struct stmt unban = {"doors_unban",
                                      "update accounts set banned_at = null where id = $1 and state = 1"};
    return touch_account(pg, &unban, account_id);
}

enum err doors_set_next(struct pg *pg, int64_t account_id, const struct sealed *next)
{
    static const struct stmt set = {"doors_set_next",
                                    "insert into doors (account_id, next_password, next_key) values ($1, $2, $3) "
                                    "on conflict (account_id) do update set next_password = excluded.next_password, "
                                    "next_key = excluded.next_key"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_bytes(&args, next->bytes, next->length);
    pg_arg_i64(&args, next->key_id);
    return pg_do(pg, &set, &args, NULL);
}

enum err doors_opened(struct pg *pg, int64_t account_id)
{
    /* the account is locked first: a ban that is just being made must be seen */
    static const struct stmt opened = {
        "doors_opened", "with a as (select id from accounts where id = $1 and banned_at is null for share), "
                        "gone as (delete from doors using a where account_id = a.id and next_password is null) "
                        "update doors set locked = false from a where account_id = a.id and next_password is not null"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &opened, &args, NULL);
}

/* The door has no next password any more. */
static enum err close_case(struct pg *pg, int64_t account_id, const struct sealed *next)
{
    static const struct stmt clear = {
        "doors_clear_next",
        "with gone as (delete from doors where account_id = $1 and next_password = $2 and not locked) "
        "update doors set next_password = null, next_key = null "
        "where account_id = $1 and next_password = $2 and locked"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_bytes(&args, next->bytes, next->length);
    return pg_do(pg, &clear, &args, NULL);
}

enum err doors_took(struct pg *pg, int64_t account_id, const struct sealed *next)
{
    static const struct stmt took = {
        "doors_took", "update accounts a set jid_password = d.next_password, jid_key = d.next_key, "
                      "claims_since = clock_timestamp() from doors d "
                      "where a.id = $1 and a.state < 2 and d.account_id = a.id and d.next_password = $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_bytes(&args, next->bytes, next->length);
    const enum err err = pg_do(pg, &took, &args, NULL);
    return err == OK ? close_case(pg, account_id, next) : err;
}

enum err doors_refused(struct pg *pg, int64_t account_id, const struct sealed *next)
{
    return close_case(pg, account_id, next);
}

/* $1: an active account, and what else must be so. */
#define RETELL(condition)                                                                                              \
    "with d as (insert into doors (account_id, locked, next_password, next_key) select id, true, jid_password, "       \
    "jid_key from accounts where id = $1 and state = 1" condition                                                      \
    " on conflict (account_id) do update set locked = true, "                                                          \
    "next_password = coalesce(doors.next_password, excluded.next_password), "                                          \
    "next_key = coalesce(doors.next_key, excluded.next_key) returning account_id) "                                    \
    "insert into outbox (kind, low, version) select 6, account_id, nextval('wish_version') from d "                    \
    "on conflict (kind, low, high) do update set version = excluded.version, attempts = 0, "                           \
    "due_at = case when outbox.lease is null then now() else outbox.due_at end"

enum err doors_retell(struct pg *pg, int64_t account_id)
{
    static const struct stmt retell = {"doors_retell", RETELL("")};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &retell, &args, NULL);
}

enum err doors_password_was_set(struct pg *pg, int64_t account_id, const struct sealed *password)
{
    static const struct stmt retell = {
        "doors_password_was_set",
        RETELL(" and (jid_password is distinct from $2 or exists (select 1 from doors where account_id = $1))")};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_bytes(&args, password->bytes, password->length);
    return pg_do(pg, &retell, &args, NULL);
}
