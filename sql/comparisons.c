#include "sql/comparisons.h"

#include "component/base/arena.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/shown_row.h"

/* One statement, because each login has it. */
enum err comparisons_note_use(struct pg *pg, int64_t account_id, int64_t check_interval_ms)
{
    static const struct stmt note = {
        "comparisons_note_use",
        "with used as (insert into comparisons (account_id, round, used_at) select $1::bigint, round, now() "
        "from reconcile_rounds where not exists (select 1 from comparisons where account_id = $1 "
        "and used_at > now() - interval '1 hour') on conflict (account_id) do update set used_at = excluded.used_at) "
        "insert into outbox (kind, low, version) select 4, id, nextval('wish_version') from accounts "
        "where id = $1 and state = 1 and $2::bigint >= 0 and coalesce(jid_checked_at, created_at) < "
        "now() - $2 * interval '1 millisecond' on conflict (kind, low, high) do update set "
        "version = excluded.version where outbox.lease is not null"}; /* who is at it may have looked before */
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, check_interval_ms);
    return pg_do(pg, &note, &args, NULL);
}

static enum err load_account(struct pg *pg, struct arena *arena, int64_t account_id, int64_t remember_ms,
                             struct expectation *expectation_r)
{
    static const struct stmt load = {
        "comparisons_account",
        "select coalesce(c.forgotten, false), "
        "coalesce(a.cancelled_at < now() - $2::bigint * interval '1 millisecond', false) from accounts a "
        "left join comparisons c on c.account_id = a.id where a.id = $1 and a.state > 0"};
    enum err err = accounts_get(pg, arena, account_id, &expectation_r->account);
    if (err != OK)
        return err == ERR_NO_SUCH_NAME ? ERR_NOT_FOUND : err;
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, remember_ms);
    PGresult *result = NULL;
    err = pg_run(pg, &load, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK) {
        expectation_r->forgotten = pg_bool(result, 0, 0);
        expectation_r->over = pg_bool(result, 0, 1);
    }
    PQclear(result);
    return err;
}

static struct expected_peer peer_of_row(struct arena *arena, const PGresult *result, int row)
{
    return (struct expected_peer){
        .account = {.id = pg_i64(result, row, 0),
                    .type = (enum account_type)pg_i64(result, row, 1),
                    .name = pg_text(arena, result, row, 2),
                    .nickname = pg_text(arena, result, row, 3),
                    .jid_local = pg_text(arena, result, row, 4)},
        .version = pg_i64(result, row, 5),
        .wanted = pg_bool(result, row, 6),
        .settled = pg_bool(result, row, 7),
        .shown = shown_of_row(arena, result, row, 8),
        .seen = shown_of_row(arena, result, row, 10),
    };
}

static enum err load_peers(struct pg *pg, struct arena *arena, struct expectation *expectation)
{
    static const struct stmt load = {
        "comparisons_peers",
        "select a.id, a.type, a.name, coalesce(a.nickname, ''), a.jid_local, b.version, b.wanted, "
        "b.seen_version = b.version and not exists "
        "(select 1 from outbox o where o.kind = 3 and o.low = b.low and o.high = b.high), b.nickname, b.groups, "
        "coalesce(r.nickname, ''), array_to_string(r.groups, E'\\x1f') from ("
        "select low, high, high as peer, version, seen_version, wanted, " SHOWN_COLUMNS(
            "low") " from bindings b "
                   "where low = $1 union all select low, high, low, version, seen_version, wanted, " SHOWN_COLUMNS(
                       "high") " from bindings b where high = $1) b(low, high, peer, version, seen_version, wanted, "
                               "nickname, groups) "
                               "join accounts a on a.id = b.peer left join roster_seen r on r.account_id = $1 and "
                               "r.peer_id = a.id "
                               "order by a.id"};
    struct pg_args args = {0};
    pg_arg_i64(&args, expectation->account.id);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &load, &args, &result);
    if (err == OK) {
        expectation->count = (size_t)PQntuples(result);
        expectation->peers = arena_array(arena, expectation->count, sizeof *expectation->peers);
        for (size_t i = 0; i < expectation->count; i++)
            expectation->peers[i] = peer_of_row(arena, result, (int)i);
    }
    PQclear(result);
    return err;
}

enum err comparisons_load(struct pg *pg, struct arena *arena, int64_t account_id, int64_t remember_ms,
                          struct expectation *expectation_r)
{
    *expectation_r = (struct expectation){0};
    const enum err err = load_account(pg, arena, account_id, remember_ms, expectation_r);
    return err == OK && expectation_r->account.state == ACCOUNT_ACTIVE ? load_peers(pg, arena, expectation_r) : err;
}

enum err comparisons_note(struct pg *pg, int64_t account_id, int64_t version, enum outcome outcome, int64_t drift)
{
    static const struct stmt note = {
        "comparisons_note",
        "insert into comparisons (account_id, round, compared_at, outcome, drift) select $1::bigint, round, now(), "
        "nullif($2::smallint, 0), $3 from reconcile_rounds on conflict (account_id) do update set compared_at = now(), "
        "outcome = coalesce(excluded.outcome, comparisons.outcome), "
        "drift = case when excluded.outcome is null then comparisons.drift else excluded.drift end, forgotten = "
        "comparisons.forgotten and exists "
        "(select 1 from outbox o where o.kind = 5 and o.low = $1 and o.version <> $4)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, outcome);
    pg_arg_i64(&args, drift);
    pg_arg_i64(&args, version);
    return pg_do(pg, &note, &args, NULL);
}

enum err comparisons_drop(struct pg *pg, int64_t account_id)
{
    static const struct stmt drop = {"comparisons_drop", "delete from comparisons where account_id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &drop, &args, NULL);
}

enum err comparisons_wish(struct pg *pg, int64_t account_id)
{
    return outbox_add(pg, OUTBOX_COMPARE, account_id, NULL);
}

/* What was unbound lately is in bindings_ended alone. */
#define TOUCHED(since)                                                                                                 \
    "select account_id from roster_seen where seen_at > " since " union "                                              \
    "select id from accounts where jid_checked_at > " since " union "                                                  \
    "select low from bindings_ended where ended_at > " since " union "                                                 \
    "select high from bindings_ended where ended_at > " since

/* What is put off is looked at now, too: a server that died may have forgotten more than what may come late. */
enum err comparisons_wish_recent(struct pg *pg, int64_t window_ms, int64_t *count_r)
{
    static const struct stmt wish = {
        "comparisons_wish_recent",
        "with touched(account_id) as materialized (" TOUCHED(
            "now() - $1::bigint * interval '1 millisecond'") "), "
                                                             "noted as (insert into comparisons (account_id, round, "
                                                             "forgotten) select account_id, round, true "
                                                             "from touched, reconcile_rounds order by account_id on "
                                                             "conflict (account_id) do update set forgotten = true), "
                                                             "wish as (insert into outbox (kind, low, version) select "
                                                             "5, account_id, nextval('wish_version') from touched "
                                                             "order by account_id on conflict (kind, low, high) do "
                                                             "update set version = excluded.version, attempts = 0, "
                                                             "due_at = case when outbox.lease is null then now() else "
                                                             "outbox.due_at end) select count(*) from touched"};
    struct pg_args args = {0};
    pg_arg_i64(&args, window_ms);
    return pg_one_i64(pg, &wish, &args, count_r);
}

/* It is taken from who is at it, too: he began too soon, and what he leaves would come again at once. */
enum err comparisons_wish_later(struct pg *pg, int64_t account_id, int64_t delay_ms)
{
    static const struct stmt wish = {
        "comparisons_wish_later",
        "with noted as (insert into comparisons (account_id, round, forgotten) select $1, round, true "
        "from reconcile_rounds on conflict (account_id) do update set forgotten = true) "
        "insert into outbox (kind, low, version, due_at) values (5, $1, nextval('wish_version'), "
        "now() + $2::bigint * interval '1 millisecond') on conflict (kind, low, high) do update set "
        "version = excluded.version, attempts = 0, lease = null, lease_owner = null, "
        "due_at = greatest(outbox.due_at, excluded.due_at)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, delay_ms);
    return pg_do(pg, &wish, &args, NULL);
}

enum err comparisons_latest_touch(struct pg *pg, int64_t *ms_r)
{
    static const struct stmt latest = {
        "comparisons_latest_touch",
        "select coalesce((extract(epoch from now() - greatest((select max(seen_at) from roster_seen), "
        "(select max(jid_checked_at) from accounts where jid_checked_at is not null), "
        "(select max(ended_at) from bindings_ended))) * 1000)::bigint, 0)"};
    return pg_one_i64(pg, &latest, &(struct pg_args){0}, ms_r);
}

enum err comparisons_count(struct pg *pg, int64_t counts_r[OUTCOMES])
{
    static const struct stmt count = {
        "comparisons_count", "select coalesce(c.outcome, 0), count(*) from accounts a left join comparisons c "
                             "on c.account_id = a.id where a.state = 1 or c.account_id is not null group by 1"};
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &count, &(struct pg_args){0}, &result);
    for (int i = 0; i < OUTCOMES; i++)
        counts_r[i] = 0;
    for (int row = 0; err == OK && row < PQntuples(result); row++)
        counts_r[pg_i64(result, row, 0)] = pg_i64(result, row, 1);
    PQclear(result);
    return err;
}
