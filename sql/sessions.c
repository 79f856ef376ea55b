#include "sql/sessions.h"

#include <string.h>

#include "component/base/arena.h"
#include "sql/accounts.h"
#include "sql/pg.h"

/* The hashes in the first column; rows where it is null are left out. */
static struct session_hash *hashes_of(struct arena *arena, const PGresult *result, size_t *count_r)
{
    const int rows = PQntuples(result);
    struct session_hash *hashes = arena_array(arena, (size_t)rows, sizeof *hashes);
    *count_r = 0;
    for (int i = 0; i < rows; i++) {
        size_t length;
        const uint8_t *bytes = pg_bytes(arena, result, i, 0, &length);
        if (bytes != NULL && length == SHA256_SIZE)
            memcpy(hashes[(*count_r)++].bytes, bytes, SHA256_SIZE);
    }
    return hashes;
}

enum err sessions_open(struct pg *pg, struct arena *arena, int64_t account_id, enum session_dialect dialect,
                       const struct session_hash *hash, int64_t lifetime_ms, int64_t most,
                       struct session_hash **ended_r, size_t *ended_count_r)
{
    /* "for share": a cancel waits, and then finds this session, too, to end and to revoke in the caches. */
    static const struct stmt open = {
        "sessions_open",
        "with made as (insert into sessions (hash, account_id, dialect, expires_at) "
        "select $3, id, $2, now() + $4::bigint * interval '1 millisecond' from accounts "
        "where id = $1 and state = 1 and banned_at is null for share returning account_id), "
        "gone as (delete from sessions where hash in (select s.hash from sessions s join made using (account_id) "
        "where s.dialect = $2 order by s.created_at desc, s.hash offset $5) returning hash) "
        "select null::bytea from made union all select hash from gone"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, dialect);
    pg_arg_bytes(&args, hash->bytes, sizeof hash->bytes);
    pg_arg_i64(&args, lifetime_ms);
    pg_arg_i64(&args, most - 1);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &open, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK)
        *ended_r = hashes_of(arena, result, ended_count_r);
    PQclear(result);
    return err;
}

enum err sessions_check(struct pg *pg, const struct session_hash *hash, int64_t *account_id_r, int64_t *left_ms_r)
{
    static const struct stmt check = {
        "sessions_check",
        "select a.id, (extract(epoch from s.expires_at - now()) * 1000)::bigint, a.state, a.jid_state, "
        "a.banned_at is not null from sessions s join accounts a on a.id = s.account_id where s.hash = $1"};
    struct pg_args args = {0};
    pg_arg_bytes(&args, hash->bytes, sizeof hash->bytes);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &check, &args, &result);
    if (err != OK)
        return err;
    if (PQntuples(result) == 0 || pg_i64(result, 0, 2) != ACCOUNT_ACTIVE) {
        err = ERR_TOKEN;
    } else {
        *account_id_r = pg_i64(result, 0, 0);
        *left_ms_r = pg_i64(result, 0, 1);
        const int64_t jid = pg_i64(result, 0, 3);
        if (pg_bool(result, 0, 4))
            err = ERR_BANNED;
        else if (*left_ms_r <= 0)
            err = ERR_TOKEN_EXPIRED;
        else if (jid == JID_ABSENT || jid == JID_VANISHED)
            err = ERR_JID_NONE;
    }
    PQclear(result);
    return err;
}

enum err sessions_end(struct pg *pg, const struct session_hash *hash)
{
    static const struct stmt end = {"sessions_end", "delete from sessions where hash = $1"};
    struct pg_args args = {0};
    pg_arg_bytes(&args, hash->bytes, sizeof hash->bytes);
    return pg_do(pg, &end, &args, NULL);
}

enum err sessions_end_all(struct pg *pg, struct arena *arena, int64_t account_id, struct session_hash **ended_r,
                          size_t *ended_count_r)
{
    static const struct stmt end = {"sessions_end_all",
                                    "with a as (update accounts set claims_since = clock_timestamp() where id = $1) "
                                    "delete from sessions where account_id = $1 returning hash"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &end, &args, &result);
    if (err == OK)
        *ended_r = hashes_of(arena, result, ended_count_r);
    PQclear(result);
    return err;
}

enum err sessions_end_some(struct pg *pg, int64_t most, int64_t *count_r)
{
    static const struct stmt end = {"sessions_end_some",
                                    "delete from sessions where hash in (select hash from sessions limit $1)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    return pg_do(pg, &end, &args, count_r);
}

enum err sessions_purge(struct pg *pg, int64_t most, int64_t *count_r)
{
    static const struct stmt purge = {"sessions_purge", "delete from sessions where hash in (select hash from sessions "
                                                        "where expires_at < now() - interval '30 days' limit $1)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    return pg_do(pg, &purge, &args, count_r);
}
