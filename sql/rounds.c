#include "sql/rounds.h"

#include "sql/pg.h"

#define STATE                                                                                                          \
    "select round, (extract(epoch from now() - begun_at) * 1000)::bigint, size, taken, enrolled is not null, "         \
    "(extract(epoch from now() - taken_at) * 1000)::bigint, (select count(*) from outbox where kind = 5), "            \
    "enrolled is null and not exists (select 1 from comparisons c where c.round < r.round) from reconcile_rounds r"

static enum err look(struct pg *pg, const struct stmt *stmt, struct round_state *state_r)
{
    PGresult *result = NULL;
    enum err err = pg_run(pg, stmt, &(struct pg_args){0}, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_BUSY;
    if (err == OK)
        *state_r = (struct round_state){
            .round = pg_i64(result, 0, 0),
            .age_ms = pg_i64(result, 0, 1),
            .size = pg_i64(result, 0, 2),
            .taken = pg_i64(result, 0, 3),
            .enrolling = pg_bool(result, 0, 4),
            .idle_ms = pg_i64(result, 0, 5),
            .waiting = pg_i64(result, 0, 6),
            .over = pg_bool(result, 0, 7),
        };
    PQclear(result);
    return err;
}

enum err rounds_look(struct pg *pg, struct round_state *state_r)
{
    static const struct stmt plain = {"rounds_look", STATE};
    return look(pg, &plain, state_r);
}

enum err rounds_hold(struct pg *pg, struct round_state *state_r)
{
    static const struct stmt hold = {"rounds_hold", STATE " for update skip locked"};
    return look(pg, &hold, state_r);
}

enum err rounds_begin(struct pg *pg)
{
    static const struct stmt begin = {"rounds_begin",
                                      "update reconcile_rounds set round = round + 1, begun_at = now(), "
                                      "size = (select count(*) from comparisons), taken = 0, enrolled = 0"};
    return pg_do(pg, &begin, &(struct pg_args){0}, NULL);
}

enum err rounds_enrol(struct pg *pg, int64_t most, int64_t remember_ms)
{
    /* those who are added come at the end of the round: nobody uses them */
    static const struct stmt enrol = {
        "rounds_enrol",
        "with next as materialized (select a.id, a.state, a.cancelled_at from accounts a, reconcile_rounds r "
        "where a.id > r.enrolled order by a.id limit $1), "
        "fresh as (insert into comparisons (account_id, round) select id, round - 1 from next, reconcile_rounds "
        "where state = 1 or state = 2 and cancelled_at > now() - $2::bigint * interval '1 millisecond' order by id "
        "on conflict (account_id) do nothing returning account_id) "
        "update reconcile_rounds set size = size + (select count(*) from fresh), "
        "enrolled = case when (select count(*) from next) = $1 then (select max(id) from next) end"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    pg_arg_i64(&args, remember_ms);
    return pg_do(pg, &enrol, &args, NULL);
}

enum err rounds_take(struct pg *pg, int64_t most, int64_t *taken_r)
{
    /* The lowest round comes first, so that nobody is left behind; nearly always all are of the one before. */
    static const struct stmt take = {
        "rounds_take",
        "with held as (select c.account_id from comparisons c, reconcile_rounds r where c.outcome = 3 "
        "and c.round < r.round order by c.round, c.used_at desc limit $1 for update of c skip locked), "
        "others as (select c.account_id from comparisons c, reconcile_rounds r "
        "where c.round = (select min(round) from comparisons) and c.round < r.round order by c.used_at desc limit $1 "
        "for update of c skip locked), "
        "due as materialized (select account_id from (select account_id, 1 as rank from held "
        "union all select account_id, 2 from others where account_id not in (select account_id from held)) x "
        "order by rank limit $1), "
        "turn as (update comparisons c set round = r.round from reconcile_rounds r, due where c.account_id = "
        "due.account_id "
        "returning c.account_id), "
        "wish as (insert into outbox (kind, low, version) select 5, account_id, nextval('wish_version') from turn "
        "order by account_id on conflict (kind, low, high) do nothing), "
        "given as (update reconcile_rounds set taken_at = now(), taken = taken + (select count(*) from turn)) "
        "select count(*) from turn"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    return pg_one_i64(pg, &take, &args, taken_r);
}
