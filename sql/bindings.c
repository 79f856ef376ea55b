#include "sql/bindings.h"

#include <string.h>

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/pg.h"
#include "sql/taking.h"
#include "sql/to_outbox.h"

/* What was said of its sides' names is not said of the next binding, and may be an account's personal data. */
#define NO_NAMES "low_nickname = null, low_groups = null, high_nickname = null, high_groups = null "

/* The accounts are locked before their bindings, and in the order of ids, as a cancel does it. In between goes what was
 * asked between them (sql/asks.h), which is settled now, save what a peer refused the asker. The version of a row that
 * is there is drawn again under its lock, so that the later wish has the higher one. An account's bindings are counted
 * as they were before the statement, and no further than to where there are too many. */
#define BETWEEN "(k.low = $1 and k.high = any($2) or k.high = $1 and k.low = any($2))"
#define SAYS_NO "k.state = 2 and k.asked_by = $1 and k.expires_at > now()"
#define WANT                                                                                                           \
    "with given as materialized (select p as id, 1 as more from unnest($2::bigint[]) p "                               \
    "union all select $1::bigint, cardinality($2)), "                                                                  \
    "held as materialized (select *, banned_at is not null or (consent = 2 and id <> $1) as closed, "                  \
    "not $4 and consent = 1 and id <> $1 as unasked from accounts "                                                    \
    "where id = any($2 || $1::bigint) and state = 1 order by id for share), "                                          \
    "gone as (delete from asks k where " BETWEEN " and not (" SAYS_NO ") "                                             \
    "and exists (select from held) returning k.id), "                                                                  \
    "fit as materialized (select count(*) = cardinality($2) + 1 as ok, "                                               \
    "coalesce(bool_or(unasked), false) as unasked, "                                                                   \
    "coalesce(bool_or(closed), false) or exists (select from asks k where " BETWEEN " and " SAYS_NO ") as refused, "   \
    "(select count(*) from gone) as settled from held), "                                                              \
    "wish as (insert into bindings (low, high, asked_by, wanted, version) "                                            \
    "select least($1, p), greatest($1, p), $1, true, nextval('wish_version') from fit, unnest($2) p "                  \
    "where fit.ok and not fit.refused and not fit.unasked and fit.settled >= 0 "                                       \
    "order by 1, 2 on conflict (low, high) do update set wanted = true, asked_by = excluded.asked_by, "                \
    "version = nextval('wish_version'), created_at = now(), " NO_NAMES "where not bindings.wanted "                    \
    "returning low, high, version), "
#define WANT_JOB PAIRS_TO_OUTBOX_LEASED("$5", "$6", "$7")
#define TOO_MANY                                                                                                       \
    "exists (select from given g where g.more + (select count(*) from ("                                               \
    "select from bindings where low = g.id and wanted union all select from bindings where high = g.id and wanted "    \
    "limit $3) x) > $3)"

enum { FIT = ACCOUNT_COLUMN_COUNT + WISHED_COLUMN_COUNT, REFUSED, UNASKED, FULL };

enum err bindings_want(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers, size_t count,
                       const struct want_terms *terms, struct wish **wishes_r, size_t *wish_count_r)
{
    static const struct stmt want = {"bindings_want",
                                     WANT WANT_JOB "select " ACCOUNT_COLUMNS WISHED_COLUMNS
                                                   ", fit.ok, fit.refused, fit.unasked, " TOO_MANY
                                                   " from fit left join job j on true " TAKEN_ACCOUNTS("held", "$5")};
    struct pg_args args = {0};
    pg_arg_i64(&args, asker);
    pg_arg_i64s(&args, arena, peers, count);
    pg_arg_i64(&args, terms->most);
    pg_arg_bool(&args, terms->agreed);
    taking_args(&args, terms->taking);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &want, &args, &result);
    if (err != OK)
        return err;
    taking_read(result, true, terms->taking, arena, wishes_r, wish_count_r);
    if (!pg_bool(result, 0, FIT))
        err = ERR_NOT_FOUND;
    else if (pg_bool(result, 0, REFUSED))
        err = ERR_REFUSED;
    else if (pg_bool(result, 0, UNASKED))
        err = ERR_CONFLICT;
    else if (*wish_count_r == count && pg_bool(result, 0, FULL))
        err = ERR_LIMITED;
    PQclear(result);
    return err;
}

#define UNWANT_JOB PAIRS_TO_OUTBOX_LEASED("$3", "$4", "$5")

/* Rows are looked up by their keys, whatever size Postgres takes the table to have (see pairs.c). */
enum err bindings_unwant(struct pg *pg, struct arena *arena, int64_t asker, const int64_t *peers, size_t count,
                         struct taking *taking, struct wish **wishes_r, size_t *wish_count_r)
{
    static const struct stmt unwant = {
        "bindings_unwant",
        "with held as materialized (select b.* from (select least($1::bigint, p) as low, greatest($1, p) as high "
        "from unnest($2::bigint[]) p order by 1, 2) i cross join lateral (select low, high, asked_by from bindings "
        "where low = i.low and high = i.high and wanted offset 0 for update) b), "
        "wish as (insert into bindings (low, high, asked_by, wanted, version) "
        "select low, high, asked_by, false, nextval('wish_version') from held "
        "on conflict (low, high) do update set wanted = false, version = excluded.version, " NO_NAMES
        "returning low, high, version), " UNWANT_JOB "select " ACCOUNT_COLUMNS WISHED_COLUMNS
        "from job j " TAKEN_ACCOUNTS("accounts", "$3")};
    struct pg_args args = {0};
    pg_arg_i64(&args, asker);
    pg_arg_i64s(&args, arena, peers, count);
    taking_args(&args, taking);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &unwant, &args, &result);
    if (err == OK)
        taking_read(result, false, taking, arena, wishes_r, wish_count_r);
    PQclear(result);
    return err;
}

enum err bindings_unwant_all(struct pg *pg, int64_t account_id)
{
    static const struct stmt unwant = {
        "bindings_unwant_all",
        "with held as (select low, high from bindings where (low = $1 or high = $1) and wanted order by 1, 2 for "
        "update), "
        "wish as (update bindings b set wanted = false, version = nextval('wish_version'), " NO_NAMES "from held "
        "where b.low = held.low and b.high = held.high and (b.low = $1 or b.high = $1) "
        "returning b.low, b.high, b.version), " PAIRS_TO_OUTBOX "select count(*) from wish"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &unwant, &args, NULL);
}

enum err bindings_reaffirm_all(struct pg *pg, int64_t account_id)
{
    static const struct stmt reaffirm = {
        "bindings_reaffirm_all",
        "with held as (select low, high from bindings where low = $1 or high = $1 order by 1, 2 for update), "
        "wish as (update bindings b set version = nextval('wish_version') from held "
        "where b.low = held.low and b.high = held.high and (b.low = $1 or b.high = $1) "
        "returning b.low, b.high, b.version), " PAIRS_TO_OUTBOX "select count(*) from wish"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &reaffirm, &args, NULL);
}

enum err bindings_find(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers, size_t count,
                       bool *bound_r)
{
    static const struct stmt find = {
        "bindings_find", "select p.position - 1 from unnest($2::bigint[]) with ordinality p(id, position) where "
                         "coalesce((select b.wanted from bindings b where b.low = least($1::bigint, p.id) "
                         "and b.high = greatest($1, p.id)), false)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64s(&args, arena, peers, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &find, &args, &result);
    for (size_t i = 0; i < count; i++)
        bound_r[i] = false;
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        bound_r[pg_i64(result, row, 0)] = true;
    PQclear(result);
    return err;
}

enum err bindings_count(struct pg *pg, int64_t account_id, int64_t *count_r)
{
    static const struct stmt count = {"bindings_count",
                                      "select (select count(*) from bindings where low = $1 and wanted) + "
                                      "(select count(*) from bindings where high = $1 and wanted)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_one_i64(pg, &count, &args, count_r);
}

enum err bindings_count_seen(struct pg *pg, struct arena *arena, const struct wish *wishes, size_t count,
                             size_t *seen_r)
{
    /* a look-up a wish, and not a join, for which Postgres would read all bindings while it takes them for few */
    static const struct stmt seen = {
        "bindings_count_seen",
        "select count(*) from unnest($1::bigint[], $2::bigint[], $3::bigint[]) w(low, high, version) where coalesce("
        "(select b.seen_version >= w.version from bindings b where b.low = w.low and b.high = w.high), true)"};
    int64_t *columns = arena_array(arena, 3 * count, sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        columns[i] = wishes[i].low;
        columns[count + i] = wishes[i].high;
        columns[2 * count + i] = wishes[i].version;
    }
    struct pg_args args = {0};
    for (size_t i = 0; i < 3; i++)
        pg_arg_i64s(&args, arena, columns + i * count, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &seen, &args, &result);
    if (err == OK)
        *seen_r = (size_t)pg_i64(result, 0, 0);
    PQclear(result);
    return err;
}

enum err bindings_list(struct pg *pg, struct arena *arena, int64_t account_id, struct bound_peer **peers_r,
                       size_t *count_r)
{
    static const struct stmt list = {
        "bindings_list", "select " ACCOUNT_COLUMNS ", r.peer_id is not null, r.subscription, coalesce(r.nickname, ''), "
                         "array_to_string(r.groups, E'\\x1f') from ("
                         "select high as peer from bindings where low = $1 and wanted union all "
                         "select low from bindings where high = $1 and wanted) b join accounts a on a.id = b.peer "
                         "left join roster_seen r on r.account_id = $1 and r.peer_id = b.peer order by a.id"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &list, &args, &result);
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *peers_r = arena_array(arena, *count_r, sizeof **peers_r);
    for (size_t i = 0; i < *count_r; i++) {
        struct bound_peer *peer = &(*peers_r)[i];
        peer->peer = account_of_row(arena, result, (int)i);
        peer->seen = pg_bool(result, (int)i, ACCOUNT_COLUMN_COUNT);
        peer->subscription = (int)pg_i64(result, (int)i, ACCOUNT_COLUMN_COUNT + 1);
        peer->nickname = pg_text(arena, result, (int)i, ACCOUNT_COLUMN_COUNT + 2);
        peer->groups = pg_joined(arena, result, (int)i, ACCOUNT_COLUMN_COUNT + 3, &peer->group_count);
    }
    PQclear(result);
    return OK;
}
