#include "sql/accounts.h"

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/pg.h"

/* A statement that must touch exactly one row. */
static enum err touch_one(struct pg *pg, const struct stmt *stmt, const struct pg_args *args)
{
    int64_t rows = 0;
    const enum err err = pg_do(pg, stmt, args, &rows);
    return err == OK && rows != 1 ? ERR_NOT_FOUND : err;
}

enum err accounts_insert(struct pg *pg, const struct new_account *fresh, int64_t *id_r)
{
    /* "on conflict do nothing" and not an error, so that the transaction can go on */
    static const struct stmt insert = {
        "accounts_insert",
        "with a as (insert into accounts (type, state, name, des, device_type, salt, jid_local, jid_password, jid_key, "
        "display_name, email, phone_proved, inviter, xid_hash) "
        "values ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($16::bigint, 0), $17) "
        "on conflict do nothing returning id), "
        "v as (insert into verifiers (account_id, kind, verifier) select id, kind, text from a, "
        "(values (1, $12::text), (0, $13::text)) given(kind, text) where text is not null), "
        "s as (insert into verifiers (account_id, kind, sealed, key_id) select id, 4, $14::bytea, $15::integer from a "
        "where $14 is not null) select id from a"};
    struct pg_args args = {0};
    pg_arg_i64(&args, fresh->type);
    pg_arg_text(&args, fresh->name);
    pg_arg_text(&args, fresh->des);
    pg_arg_text(&args, fresh->device_type);
    pg_arg_text(&args, fresh->salt);
    pg_arg_text(&args, fresh->jid_local);
    pg_arg_bytes(&args, fresh->jid_password.bytes, fresh->jid_password.length);
    pg_arg_i64(&args, fresh->jid_password.key_id);
    pg_arg_text(&args, fresh->display_name);
    pg_arg_text(&args, fresh->email);
    pg_arg_bool(&args, fresh->proved);
    pg_arg_text(&args, fresh->verifier_v1);
    pg_arg_text(&args, fresh->verifier_v0);
    pg_arg_bytes(&args, fresh->secret.bytes, fresh->secret.length);
    pg_arg_i64(&args, fresh->secret.key_id);
    pg_arg_i64(&args, fresh->inviter);
    pg_arg_text(&args, fresh->xid_hash);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &insert, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NAME_TAKEN;
    if (err == OK)
        *id_r = pg_i64(result, 0, 0);
    PQclear(result);
    return err;
}

enum err accounts_activate(struct pg *pg, int64_t id)
{
    static const struct stmt activate = {"accounts_activate",
                                         "update accounts set state = 1, jid_state = 1, jid_checked_at = now() "
                                         "where id = $1 and state = 0"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    return touch_one(pg, &activate, &args);
}

enum err accounts_find(struct pg *pg, struct arena *arena, enum account_type type, const char *name,
                       struct account *account_r)
{
    static const struct stmt find = {"accounts_find", "select " ACCOUNT_COLUMNS
                                                      " from accounts a where name = $1 and type = $2 and state < 2"};
    struct pg_args args = {0};
    pg_arg_text(&args, name);
    pg_arg_i64(&args, type);
    return account_of_stmt(pg, arena, &find, &args, account_r);
}

enum err accounts_find_inviter(struct pg *pg, const char *invite_code, int64_t *id_r)
{
    static const struct stmt find = {
        "accounts_find_inviter",
        "select id from accounts where invite_code = upper($1) and state = 1 and banned_at is null"};
    struct pg_args args = {0};
    pg_arg_text(&args, invite_code);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &find, &args, &result);
    const bool found = err == OK && PQntuples(result) > 0;
    if (found)
        *id_r = pg_i64(result, 0, 0);
    PQclear(result);
    return err == OK && !found ? ERR_NOT_FOUND : err;
}

enum err accounts_get(struct pg *pg, struct arena *arena, int64_t id, struct account *account_r)
{
    static const struct stmt get = {"accounts_get", "select " ACCOUNT_COLUMNS " from accounts a where id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    return account_of_stmt(pg, arena, &get, &args, account_r);
}

enum err accounts_find_all(struct pg *pg, struct arena *arena, const struct account_name *names, size_t count,
                           int64_t own, struct account **accounts_r, size_t **position_r, size_t *count_r)
{
    static const struct stmt find = {
        "accounts_find_all",
        "select * from (select " ACCOUNT_COLUMNS ", q.position - 1 as position "
        "from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality q(plain, phone, wanted, position) "
        "cross join lateral (select * from accounts where name = q.phone and type = 1 and state < 2 union all "
        "select * from accounts where name = q.plain and type = 2 and state < 2 union all "
        "select * from accounts where name = q.plain and type = 3 and state < 2) a "
        "where q.wanted = 0 or a.type = q.wanted union all "
        "select " ACCOUNT_COLUMNS ", cardinality($1) from accounts a where a.id = $4) x order by position, type"};
    const char **plain = arena_array(arena, count, sizeof *plain);
    const char **phone = arena_array(arena, count, sizeof *phone);
    int64_t *types = arena_array(arena, count, sizeof *types);
    for (size_t i = 0; i < count; i++) {
        plain[i] = names[i].plain;
        phone[i] = names[i].phone;
        types[i] = names[i].type;
    }
    struct pg_args args = {0};
    pg_arg_texts(&args, arena, plain, count);
    pg_arg_texts(&args, arena, phone, count);
    pg_arg_i64s(&args, arena, types, count);
    pg_arg_i64(&args, own);
    return accounts_of_stmt(pg, arena, &find, &args, accounts_r, position_r, count_r);
}

enum err accounts_hold(struct pg *pg, struct arena *arena, const int64_t *ids, size_t count)
{
    static const struct stmt hold = {
        "accounts_hold", "select id from accounts where id = any($1::bigint[]) and state = 1 order by id for share"};
    struct pg_args args = {0};
    pg_arg_i64s(&args, arena, ids, count);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &hold, &args, &rows);
    return err == OK && rows != (int64_t)count ? ERR_NOT_FOUND : err;
}

enum err accounts_consents(struct pg *pg, struct arena *arena, const int64_t *ids, size_t count,
                           enum consent *consents_r)
{
    static const struct stmt look = {"accounts_consents",
                                     "select a.consent from unnest($1::bigint[]) with ordinality p(id, position) "
                                     "join accounts a on a.id = p.id order by p.position"};
    struct pg_args args = {0};
    pg_arg_i64s(&args, arena, ids, count);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &look, &args, &result);
    if (err == OK && (size_t)PQntuples(result) != count)
        err = ERR_NOT_FOUND;
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        consents_r[row] = (enum consent)pg_i64(result, row, 0);
    PQclear(result);
    return err;
}

/* After the account's row was locked, so that what came in meanwhile is seen. */
static enum err erase(struct pg *pg, int64_t id)
{
    static const struct stmt erase = {"accounts_erase", "with p as (delete from profiles where account_id = $1), "
                                                        "w as (delete from wrong_passwords where account_id = $1) "
                                                        "delete from verifiers where account_id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    return pg_do(pg, &erase, &args, NULL);
}

enum err accounts_lock(struct pg *pg, int64_t id)
{
    static const struct stmt lock = {"accounts_lock",
                                     "select id from accounts where id = $1 and state = 1 for no key update"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    return touch_one(pg, &lock, &args);
}

enum err accounts_cancel(struct pg *pg, int64_t id, enum account_state from)
{
    static const struct stmt cancel = {
        "accounts_cancel",
        "update accounts set state = 2, cancelled_at = now(), name = null, display_name = null, nickname = null, "
        "email = null, des = '', device_type = '', jid_password = null, jid_key = null, inviter = null, "
        "xid_hash = null where id = $1 and state = $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_i64(&args, from);
    const enum err err = touch_one(pg, &cancel, &args);
    return err == OK ? erase(pg, id) : err;
}

enum err accounts_set_jid_state(struct pg *pg, int64_t id, enum jid_state state)
{
    static const struct stmt set = {"accounts_set_jid_state",
                                    "update accounts set jid_state = $2, jid_checked_at = now() where id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_i64(&args, state);
    return touch_one(pg, &set, &args);
}

enum err accounts_jid_checked(struct pg *pg, int64_t id, enum jid_state state)
{
    static const struct stmt set = {
        "accounts_jid_checked",
        "update accounts set jid_state = $2, jid_checked_at = now() where id = $1 and state = 1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_i64(&args, state);
    return touch_one(pg, &set, &args);
}

enum err accounts_set_xid(struct pg *pg, int64_t id, const char *xid_hash)
{
    static const struct stmt set = {
        "accounts_set_xid",
        "update accounts set xid_hash = $2 where id = $1 and state = 1 and xid_hash is distinct from $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_text(&args, xid_hash);
    return pg_do(pg, &set, &args, NULL);
}

enum err verifiers_get(struct pg *pg, struct arena *arena, int64_t account_id, enum verifier_kind kind,
                       struct stored_verifier *verifier_r)
{
    static const struct stmt get = {"verifiers_get",
                                    "select verifier, sealed, key_id, (extract(epoch from made_at) * 1000000)::bigint "
                                    "from verifiers where account_id = $1 and kind = $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, kind);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &get, &args, &result);
    *verifier_r = (struct stored_verifier){0};
    if (err == OK && PQntuples(result) > 0) {
        verifier_r->text = pg_text(arena, result, 0, 0);
        verifier_r->sealed.bytes = pg_bytes(arena, result, 0, 1, &verifier_r->sealed.length);
        verifier_r->sealed.key_id = (int32_t)pg_i64(result, 0, 2);
        verifier_r->since_us = pg_i64(result, 0, 3);
    }
    PQclear(result);
    return err;
}

/* made_at tells one password from the next: the moment of this statement, because transactions that wait for each other
 * may have begun at the same one. */
enum err verifiers_replace(struct pg *pg, int64_t account_id, const char *v1, const char *v0,
                           const struct sealed *secret)
{
    static const struct stmt replace = {
        "verifiers_replace",
        "with gone as (delete from verifiers where account_id = $1 and (kind = 0 and $3::text is null or kind = 4 and "
        "$4::bytea is null)) insert into verifiers (account_id, kind, verifier, sealed, key_id, made_at) "
        "select $1, kind, text, sealed, key, clock_timestamp() "
        "from (values (1, $2::text, null::bytea, null::integer), (0, $3, null, null), (4, null, $4, $5::integer)) "
        "given(kind, text, sealed, key) where text is not null or sealed is not null "
        "on conflict (account_id, kind) do update set verifier = excluded.verifier, sealed = excluded.sealed, "
        "key_id = excluded.key_id, made_at = excluded.made_at"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_text(&args, v1);
    pg_arg_text(&args, v0);
    pg_arg_bytes(&args, secret->bytes, secret->length);
    if (secret->bytes != NULL)
        pg_arg_i64(&args, secret->key_id);
    else
        pg_arg_text(&args, NULL);
    return pg_do(pg, &replace, &args, NULL);
}

enum err accounts_set_consent(struct pg *pg, int64_t id, enum consent consent)
{
    static const struct stmt set = {"accounts_set_consent",
                                    "update accounts set consent = $2 where id = $1 and state = 1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_i64(&args, consent);
    return touch_one(pg, &set, &args);
}

enum err accounts_set_nickname(struct pg *pg, int64_t id, const char *nickname)
{
    static const struct stmt set = {"accounts_set_nickname",
                                    "update accounts set nickname = $2 where id = $1 and state = 1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_text(&args, nickname);
    return touch_one(pg, &set, &args);
}

enum err verifiers_renew(struct pg *pg, int64_t account_id, enum verifier_kind kind, const char *old, const char *fresh)
{
    static const struct stmt renew = {"verifiers_renew", "update verifiers set verifier = $4 "
                                                         "where account_id = $1 and kind = $2 and verifier = $3"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, kind);
    pg_arg_text(&args, old);
    pg_arg_text(&args, fresh);
    return pg_do(pg, &renew, &args, NULL);
}
