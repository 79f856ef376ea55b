#include "sql/brake.h"

#include "sql/pg.h"

/* Of a row of reconcile_brake. */
#define IS_ON "braked_at is not null and (let_go_until is null or let_go_until <= now())"
/* How many may drift at once, and how many have; the limits are $1 to $4. */
#define MOST "case when $1::bigint > 0 then $1 else greatest($2::bigint, b.active * $3::bigint / 100) end"
#define DRIFTED                                                                                                        \
    "(select count(*) from comparisons c where c.drifted_at > "                                                        \
    "greatest(b.drift_since, now() - $4::bigint * interval '1 millisecond'))"

static void add_limits(struct pg_args *args, const struct brake_limits *limits)
{
    pg_arg_i64(args, limits->accounts);
    pg_arg_i64(args, limits->floor);
    pg_arg_i64(args, limits->percent);
    pg_arg_i64(args, limits->window_ms);
}

/* The columns of STATE. */
#define STATE IS_ON ", let_go_until > now()"
static enum brake brake_of_row(const PGresult *result)
{
    return pg_bool(result, 0, 0) ? BRAKE_ON : pg_bool(result, 0, 1) ? BRAKE_LET_GO : BRAKE_OFF;
}

static enum err get(struct pg *pg, const struct stmt *stmt, enum brake *brake_r)
{
    PGresult *result = NULL;
    const enum err err = pg_run(pg, stmt, &(struct pg_args){0}, &result);
    if (err == OK)
        *brake_r = brake_of_row(result);
    PQclear(result);
    return err;
}

enum err brake_get(struct pg *pg, enum brake *brake_r)
{
    static const struct stmt plain = {"brake_get", "select " STATE " from reconcile_brake"};
    return get(pg, &plain, brake_r);
}

static enum err note_drift(struct pg *pg, const struct drifted *drifted)
{
    static const struct stmt note = {
        "brake_note", "insert into comparisons (account_id, round, drifted_at) select one.id, r.round, now() from "
                      "reconcile_rounds r, "
                      "(select p.id from unnest($1::bigint[]) with ordinality p(id, position) left join comparisons c "
                      "on c.account_id = p.id order by c.drifted_at desc nulls last, p.position limit 1) one "
                      "on conflict (account_id) do update set drifted_at = excluded.drifted_at"};
    struct pg_args args = {0};
    pg_arg_i64s(&args, drifted->arena, drifted->accounts, drifted->count);
    return pg_do(pg, &note, &args, NULL);
}

static enum err put_on_if_many(struct pg *pg, const struct brake_limits *limits, enum brake *brake_r)
{
    static const struct stmt put = {"brake_put_on", "update reconcile_brake b set braked_at = now(), let_go_at = null, "
                                                    "let_go_until = null where " DRIFTED " > " MOST};
    struct pg_args args = {0};
    add_limits(&args, limits);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &put, &args, &rows);
    if (rows > 0)
        *brake_r = BRAKE_ON;
    return err;
}

/* The row is locked by a statement of its own, so that the next one counts what others noted meanwhile. */
static enum err note_locked(struct pg *pg, const struct drifted *drifted, const struct brake_limits *limits,
                            enum brake *brake_r)
{
    static const struct stmt lock = {"brake_lock", "select " STATE " from reconcile_brake for update"};
    enum err err = get(pg, &lock, brake_r);
    if (err == OK)
        err = note_drift(pg, drifted);
    return err == OK && *brake_r == BRAKE_OFF ? put_on_if_many(pg, limits, brake_r) : err;
}

enum err brake_note(struct pg *pg, const struct drifted *drifted, const struct brake_limits *limits,
                    enum brake *brake_r)
{
    enum err err = pg_begin(pg);
    if (err == OK)
        err = note_locked(pg, drifted, limits, brake_r);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

enum err brake_look(struct pg *pg, const struct brake_limits *limits, struct brake_state *state_r)
{
    static const struct stmt look = {
        "brake_look",
        "select " STATE ", b.active, " MOST ", " DRIFTED ", "
        "coalesce((extract(epoch from now() - b.braked_at) * 1000)::bigint, 0), "
        "coalesce((extract(epoch from b.let_go_until - now()) * 1000)::bigint, 0) from reconcile_brake b"};
    struct pg_args args = {0};
    add_limits(&args, limits);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &look, &args, &result);
    if (err == OK)
        *state_r = (struct brake_state){
            .brake = brake_of_row(result),
            .active = pg_i64(result, 0, 2),
            .most = pg_i64(result, 0, 3),
            .drifted = pg_i64(result, 0, 4),
            .on_ms = pg_i64(result, 0, 5),
            .let_go_ms = pg_i64(result, 0, 6),
        };
    PQclear(result);
    return err;
}

enum err brake_count_accounts(struct pg *pg)
{
    static const struct stmt count = {
        "brake_count",
        "update reconcile_brake set active = n from (select count(*) as n from accounts where state = 1) "
        "counted where active <> n"};
    return pg_do(pg, &count, &(struct pg_args){0}, NULL);
}

enum err brake_let_go(struct pg *pg, int64_t most_ms)
{
    static const struct stmt let_go = {"brake_let_go",
                                       "update reconcile_brake set let_go_at = now(), let_go_until = now() + "
                                       "$1::bigint * interval '1 millisecond' where " IS_ON};
    struct pg_args args = {0};
    pg_arg_i64(&args, most_ms);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &let_go, &args, &rows);
    return err == OK && rows == 0 ? ERR_NOT_FOUND : err;
}

enum err brake_release(struct pg *pg, bool all_compared, bool *released_r)
{
    static const struct stmt release = {
        "brake_release", "update reconcile_brake set braked_at = null, let_go_at = null, let_go_until = null, "
                         "drift_since = now() where let_go_until is not null and ($1 or let_go_until <= now())"};
    struct pg_args args = {0};
    pg_arg_bool(&args, all_compared);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &release, &args, &rows);
    *released_r = rows > 0;
    return err;
}
