#include "sql/drift.h"

#include "component/base/arena.h"
#include "sql/pg.h"
#include "sql/to_outbox.h"

/* $1 the account; a binding b of it with d.peer. */
#define IS_PAIR_OF(d) "b.low = least($1::bigint, " d ".peer) and b.high = greatest($1, " d ".peer)"
/* Nobody works on it. */
#define IS_SETTLED                                                                                                     \
    "b.seen_version = b.version and not exists "                                                                       \
    "(select 1 from outbox o where o.kind = 3 and o.low = b.low and o.high = b.high)"

static void add_pairs(struct pg_args *args, struct arena *arena, const struct compared_pair *pairs, size_t count)
{
    int64_t *peers = arena_array(arena, count, sizeof *peers);
    int64_t *versions = arena_array(arena, count, sizeof *versions);
    for (size_t i = 0; i < count; i++) {
        peers[i] = pairs[i].peer;
        versions[i] = pairs[i].version;
    }
    pg_arg_i64s(args, arena, peers, count);
    pg_arg_i64s(args, arena, versions, count);
}

enum err drift_account_holds(struct pg *pg, int64_t account_id, enum account_state state, bool *holds_r)
{
    static const struct stmt look = {
        "drift_account_holds",
        "select count(*) > 0 from accounts a where id = $1 and state = $2 and banned_at is null and not exists "
        "(select 1 from outbox o where o.kind in (1, 2, 4) and o.low = a.id)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, state);
    return pg_one_bool(pg, &look, &args, holds_r);
}

enum err drift_pairs_hold(struct pg *pg, struct arena *arena, int64_t account_id, struct compared_pair *pairs,
                          size_t count)
{
    static const struct stmt look = {
        "drift_pairs_hold",
        "select d.position from unnest($2::bigint[], $3::bigint[]) with ordinality d(peer, version, position) "
        "join bindings b on " IS_PAIR_OF("d") " where b.wanted and b.version = d.version and " IS_SETTLED};
    for (size_t i = 0; i < count; i++)
        pairs[i].holds = false;
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    add_pairs(&args, arena, pairs, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &look, &args, &result);
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        pairs[pg_i64(result, row, 0) - 1].holds = true;
    PQclear(result);
    return err;
}

enum err drift_left_overs(struct pg *pg, struct arena *arena, int64_t account_id, const char *const *locals,
                          size_t count, int64_t **ids_r, size_t *count_r)
{
    static const struct stmt look = {
        "drift_left_overs",
        "select d.peer from (select id as peer, state from accounts where jid_local = any($2::text[]) and id <> $1) d "
        "where not exists (select 1 from bindings b where " IS_PAIR_OF(
            "d") ") and not exists "
                 "(select 1 from outbox o where o.kind = 3 and o.low = least($1, d.peer) and o.high = greatest($1, "
                 "d.peer)) "
                 "and (d.state = 2 or exists (select 1 from bindings_ended b where " IS_PAIR_OF("d") ")) order by 1"};
    *count_r = 0;
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_texts(&args, arena, locals, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &look, &args, &result);
    if (err == OK) {
        *count_r = (size_t)PQntuples(result);
        *ids_r = arena_array(arena, *count_r, sizeof **ids_r);
        for (size_t i = 0; i < *count_r; i++)
            (*ids_r)[i] = pg_i64(result, (int)i, 0);
    }
    PQclear(result);
    return err;
}

enum err drift_wish_pairs(struct pg *pg, struct arena *arena, int64_t account_id, const struct compared_pair *pairs,
                          size_t count, bool wanted, int64_t *changed_r)
{
    static const struct stmt make = {
        "drift_wish_pairs",
        "with held as (select b.low, b.high from unnest($2::bigint[], $3::bigint[]) d(peer, version) "
        "join bindings b on " IS_PAIR_OF("d") " where b.wanted and b.version = d.version and " IS_SETTLED
                                              " order by 1, 2 for update of b), wish as (update bindings b set wanted "
                                              "= $4, version = nextval('wish_version') "
                                              "from held where b.low = held.low and b.high = held.high returning "
                                              "b.low, b.high, b.version), " PAIRS_TO_OUTBOX
                                              "select count(*) from wish"};
    *changed_r = 0;
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    add_pairs(&args, arena, pairs, count);
    pg_arg_bool(&args, wanted);
    return pg_one_i64(pg, &make, &args, changed_r);
}

enum err drift_wish_removals(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers, size_t count)
{
    static const struct stmt make = {
        "drift_wish_removals",
        "with wish as (insert into bindings (low, high, asked_by, wanted, version) "
        "select least($1::bigint, p), greatest($1, p), $1, false, nextval('wish_version') from unnest($2::bigint[]) p "
        "order by 1, 2 on conflict (low, high) do nothing returning low, high, version), " PAIRS_TO_OUTBOX
        "select count(*) from wish"};
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64s(&args, arena, peers, count);
    return pg_do(pg, &make, &args, NULL);
}

enum err drift_take_over(struct pg *pg, struct arena *arena, int64_t account_id, const struct compared_pair *pair,
                         const struct rename *rename)
{
    static const struct stmt take_over = {
        "drift_take_over",
        "with taken as (update bindings b set "
        "low_nickname = case when low = $1 and $4 then $5 else low_nickname end, "
        "high_nickname = case when high = $1 and $4 then $5 else high_nickname end, "
        "low_groups = case when low = $1 and $6 then $7::text[] else low_groups end, "
        "high_groups = case when high = $1 and $6 then $7 else high_groups end "
        "from (select $2::bigint as peer) d where " IS_PAIR_OF(
            "d") " and wanted and version = $3 and " IS_SETTLED
                 " returning b.low) update roster_seen set nickname = case when $4 then $5 else nickname end, "
                 "groups = case when $6 then $7 else groups end "
                 "where account_id = $1 and peer_id = $2 and exists (select 1 from taken)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, pair->peer);
    pg_arg_i64(&args, pair->version);
    pg_arg_bool(&args, rename->sets_nickname);
    pg_arg_text(&args, rename->to.nickname);
    pg_arg_bool(&args, rename->sets_groups);
    pg_arg_texts(&args, arena, rename->to.groups, rename->to.group_count);
    return pg_do(pg, &take_over, &args, NULL);
}

enum err drift_saw_missing(struct pg *pg, struct arena *arena, int64_t account_id, const int64_t *peers, size_t count)
{
    static const struct stmt erase = {"drift_saw_missing",
                                      "delete from roster_seen where account_id = $1 and peer_id = any($2::bigint[])"};
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64s(&args, arena, peers, count);
    return pg_do(pg, &erase, &args, NULL);
}

enum err drift_wish_jid_away(struct pg *pg, int64_t account_id)
{
    static const struct stmt make = {
        "drift_wish_jid_away",
        "insert into outbox (kind, low, version) select 2, id, nextval('wish_version') from accounts "
        "where id = $1 and state = 2 on conflict (kind, low, high) do nothing"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &make, &args, NULL);
}

enum err drift_forget_ended(struct pg *pg, int64_t remember_ms, int64_t most, int64_t *count_r)
{
    static const struct stmt forget = {
        "drift_forget_ended",
        "delete from bindings_ended where (low, high) in (select low, high from bindings_ended "
        "where ended_at < now() - $1::bigint * interval '1 millisecond' order by ended_at limit $2)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, remember_ms);
    pg_arg_i64(&args, most);
    return pg_do(pg, &forget, &args, count_r);
}
