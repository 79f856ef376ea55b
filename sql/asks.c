#include "sql/asks.h"

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/pg.h"

#define ASK_COLUMNS                                                                                                    \
    "k.id, k.asked_by, k.low + k.high - k.asked_by, k.state, "                                                         \
    "(extract(epoch from k.expires_at - now()) * 1000)::bigint"
#define UNBOUND "not exists (select 1 from bindings b where b.low = k.low and b.high = k.high and b.wanted)"
#define OPEN    "k.state = 1 and k.expires_at > now() and " UNBOUND
enum { ASK_COLUMN_COUNT = 5 };

static struct ask ask_of_row(const PGresult *result, int row, int column)
{
    return (struct ask){.id = pg_i64(result, row, column),
                        .asker = pg_i64(result, row, column + 1),
                        .asked = pg_i64(result, row, column + 2),
                        .state = (enum ask_state)pg_i64(result, row, column + 3),
                        .left_ms = pg_i64(result, row, column + 4)};
}

enum err asks_look(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers, size_t count, bool lock,
                   struct ask *asks_r)
{
    /* in the order of pairs, as everything that locks several */
#define LOOK                                                                                                           \
    "select p.position - 1, " ASK_COLUMNS " from unnest($2::bigint[]) with ordinality p(id, position) "                \
    "join asks k on k.low = least($1::bigint, p.id) and k.high = greatest($1, p.id) "                                  \
    "where k.expires_at > now() and " UNBOUND " order by k.low, k.high"
    static const struct stmt look = {"asks_look", LOOK}, hold = {"asks_hold", LOOK " for update of k"};
#undef LOOK
    struct pg_args args = {0};
    pg_arg_i64(&args, account);
    pg_arg_i64s(&args, arena, peers, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, lock ? &hold : &look, &args, &result);
    for (size_t i = 0; i < count; i++)
        asks_r[i] = (struct ask){0};
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        asks_r[pg_i64(result, row, 0)] = ask_of_row(result, row, 1);
    PQclear(result);
    return err;
}

enum err asks_full(struct pg *pg, struct arena *arena, const int64_t *accounts, size_t count, int64_t most,
                   bool *full_r)
{
    static const struct stmt full = {
        "asks_full", "select p from unnest($1::bigint[]) p where (select count(*) from (select from asks k "
                     "where (k.low = p or k.high = p) and k.asked_by <> p and k.state = 1 and k.expires_at > now() "
                     "and exists (select from accounts a where a.id = k.asked_by and a.banned_at is null offset 0) "
                     "limit $2) x) >= $2 limit 1"};
    struct pg_args args = {0};
    pg_arg_i64s(&args, arena, accounts, count);
    pg_arg_i64(&args, most);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &full, &args, &result);
    *full_r = err == OK && PQntuples(result) > 0;
    PQclear(result);
    return err;
}

enum err asks_open(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers, size_t count,
                   int64_t lifetime_ms)
{
    static const struct stmt open = {
        "asks_open",
        "with k as (insert into asks (low, high, asked_by, expires_at) "
        "select least($1::bigint, p), greatest($1, p), $1, now() + $3::bigint * interval '1 millisecond' "
        "from unnest($2::bigint[]) p order by 1, 2 on conflict (low, high) do update set id = nextval('wish_version'), "
        "asked_by = excluded.asked_by, state = 1, made_at = now(), expires_at = excluded.expires_at "
        "where asks.expires_at <= now() or (asks.state = 2 and asks.asked_by <> $1) returning low, high, id), "
        "job as (insert into outbox (kind, low, high, version) select 7, low, high, id from k order by low, high "
        "on conflict (kind, low, high) do update set version = excluded.version, attempts = 0, since = now(), "
        "last_error = null, due_at = case when outbox.lease is null then now() else outbox.due_at end) "
        "select id from k"};
    struct pg_args args = {0};
    pg_arg_i64(&args, asker);
    pg_arg_i64s(&args, arena, peers, count);
    pg_arg_i64(&args, lifetime_ms);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &open, &args, &rows);
    return err == OK && rows != (int64_t)count ? ERR_BUSY : err;
}

/* A message that was not sent yet finds nothing to say. */
#define HELD                                                                                                           \
    "with held as (select k.low, k.high, p.position from asks k join unnest($2::bigint[]) with ordinality "            \
    "p(id, position) on k.low = least($1::bigint, p.id) and k.high = greatest($1, p.id) "

enum err asks_end(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers, size_t count)
{
    static const struct stmt end = {"asks_end", HELD "order by 1, 2 for update of k) delete from asks k using held "
                                                     "where k.low = held.low and k.high = held.high"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account);
    pg_arg_i64s(&args, arena, peers, count);
    return pg_do(pg, &end, &args, NULL);
}

enum err asks_withdraw(struct pg *pg, struct arena *arena, int64_t account, const int64_t *peers, size_t count,
                       bool *withdrawn_r)
{
    static const struct stmt withdraw = {"asks_withdraw",
                                         HELD "where k.state = 1 order by 1, 2 for update of k) delete from asks k "
                                              "using held where k.low = held.low and k.high = held.high "
                                              "returning held.position - 1, k.expires_at > now()"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account);
    pg_arg_i64s(&args, arena, peers, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &withdraw, &args, &result);
    for (size_t i = 0; i < count; i++)
        withdrawn_r[i] = false;
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        withdrawn_r[pg_i64(result, row, 0)] = pg_bool(result, row, 1);
    PQclear(result);
    return err;
}

enum err asks_end_all(struct pg *pg, int64_t account)
{
    static const struct stmt end = {
        "asks_end_all",
        "with held as (select low, high from asks where low = $1 or high = $1 order by 1, 2 for update) "
        "delete from asks k using held where k.low = held.low and k.high = held.high"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account);
    return pg_do(pg, &end, &args, NULL);
}

enum err asks_get(struct pg *pg, int64_t id, bool lock, struct ask *ask_r)
{
#define GET "select " ASK_COLUMNS " from asks k where k.id = $1 and " OPEN
    static const struct stmt get = {"asks_get", GET}, hold = {"asks_get_hold", GET " for update of k"};
#undef GET
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    PGresult *result = NULL;
    enum err err = pg_run(pg, lock ? &hold : &get, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK)
        *ask_r = ask_of_row(result, 0, 0);
    PQclear(result);
    return err;
}

enum err asks_refuse(struct pg *pg, int64_t id, int64_t lifetime_ms)
{
    static const struct stmt refuse = {
        "asks_refuse", "update asks set state = 2, expires_at = now() + $2::bigint * interval '1 millisecond' "
                       "where id = $1 and state = 1 and expires_at > now()"};
    struct pg_args args = {0};
    pg_arg_i64(&args, id);
    pg_arg_i64(&args, lifetime_ms);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &refuse, &args, &rows);
    return err == OK && rows == 0 ? ERR_NOT_FOUND : err;
}

enum err asks_list(struct pg *pg, struct arena *arena, int64_t account, size_t most, struct ask_with **asks_r,
                   size_t *count_r)
{
    static const struct stmt list = {
        "asks_list", "select " ACCOUNT_COLUMNS ", " ASK_COLUMNS " from asks k join accounts a on a.id = k.asked_by "
                     "where (k.low = $1 or k.high = $1) and k.asked_by <> $1 and a.state = 1 and a.banned_at is null "
                     "and " OPEN " order by k.made_at, k.id limit $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account);
    pg_arg_i64(&args, (int64_t)most);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &list, &args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *asks_r = arena_array(arena, *count_r, sizeof **asks_r);
    for (size_t i = 0; i < *count_r; i++)
        (*asks_r)[i] = (struct ask_with){.other = account_of_row(arena, result, (int)i),
                                         .ask = ask_of_row(result, (int)i, ACCOUNT_COLUMN_COUNT)};
    PQclear(result);
    return OK;
}

enum err asks_load(struct pg *pg, struct arena *arena, int64_t low, int64_t high, struct ask_with *ask_r,
                   const char **asked_jid_r)
{
    static const struct stmt load = {
        "asks_load",
        "select " ACCOUNT_COLUMNS ", " ASK_COLUMNS ", other.jid_local from asks k join accounts a on a.id = k.asked_by "
        "join accounts other on other.id = k.low + k.high - k.asked_by where k.low = $1 and k.high = $2 "
        "and a.state = 1 and a.banned_at is null and other.state = 1 and other.banned_at is null and " OPEN};
    struct pg_args args = {0};
    pg_arg_i64(&args, low);
    pg_arg_i64(&args, high);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &load, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK) {
        *ask_r = (struct ask_with){.other = account_of_row(arena, result, 0),
                                   .ask = ask_of_row(result, 0, ACCOUNT_COLUMN_COUNT)};
        *asked_jid_r = pg_text(arena, result, 0, ACCOUNT_COLUMN_COUNT + ASK_COLUMN_COUNT);
    }
    PQclear(result);
    return err;
}

enum err asks_purge(struct pg *pg, int64_t most, int64_t *count_r)
{
    static const struct stmt purge = {"asks_purge",
                                      "delete from asks where id in (select id from asks where expires_at <= now() "
                                      "limit $1 for update skip locked)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    return pg_do(pg, &purge, &args, count_r);
}
