#include "sql/pairs.h"

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/shown_row.h"

/* Two rows a pair, low's account first. */
static void read_pairs(const PGresult *result, struct pair_load *loads)
{
    for (int row = 0; row + 1 < PQntuples(result); row += 2) {
        struct pair_load *load = &loads[pg_i64(result, row, ACCOUNT_COLUMN_COUNT) - 1];
        *load->pair = (struct pair){.wanted = pg_bool(result, row, ACCOUNT_COLUMN_COUNT + 1),
                                    .version = pg_i64(result, row, ACCOUNT_COLUMN_COUNT + 2)};
        for (int side = 0; side < 2; side++) {
            load->pair->sides[side] = account_of_row(load->arena, result, row + side);
            load->pair->shown[side] =
                shown_of_row(load->arena, result, row, ACCOUNT_COLUMN_COUNT + 3 + side * SHOWN_COLUMN_COUNT);
        }
        load->found = true;
    }
}

#define LOWS_AND_HIGHS SHOWN_COLUMNS("low") ", " SHOWN_COLUMNS("high") " "

/* "offset 0" makes Postgres look each row up by its key. It would do so anyway, but for a table that it takes for
 * small: of that it reads all, until it finds out that it has grown. */
enum err pairs_load(struct pg *pg, struct arena *arena, struct pair_load *loads, size_t count)
{
    static const struct stmt load = {
        "pairs_load",
        "select " ACCOUNT_COLUMNS ", i.position, b.wanted, b.version, " LOWS_AND_HIGHS
        "from unnest($1::bigint[], $2::bigint[]) with ordinality i(low, high, position) cross join lateral "
        "(select * from bindings where low = i.low and high = i.high offset 0) b cross join lateral "
        "(select * from accounts where id in (i.low, i.high) offset 0) a order by i.position, a.id"};
    int64_t *lows = arena_array(arena, count, sizeof *lows);
    int64_t *highs = arena_array(arena, count, sizeof *highs);
    for (size_t i = 0; i < count; i++) {
        lows[i] = loads[i].low;
        highs[i] = loads[i].high;
        loads[i].found = false;
    }
    struct pg_args args = {0};
    pg_arg_i64s(&args, arena, lows, count);
    pg_arg_i64s(&args, arena, highs, count);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &load, &args, &result);
    if (err == OK)
        read_pairs(result, loads);
    PQclear(result);
    return err;
}

/* --- recording */

/* Columns of one side's sights, an element a pair; groups joined. */
struct sight_columns {
    int64_t *subscriptions; /* -1: it is not there */
    const char **nicknames, **groups;
};

static struct sight_columns columns_of(struct arena *arena, const struct pair_done *done, size_t count, int side)
{
    const struct sight_columns columns = {arena_array(arena, count, sizeof(int64_t)),
                                          arena_array(arena, count, sizeof(char *)),
                                          arena_array(arena, count, sizeof(char *))};
    for (size_t i = 0; i < count; i++) {
        const struct roster_sight *sight = &done[i].sights[side];
        columns.subscriptions[i] = sight->present ? sight->subscription : -1;
        columns.nicknames[i] = sight->present ? sight->nickname : "";
        columns.groups[i] = sight->present ? pg_join(arena, sight->groups, sight->group_count) : "";
    }
    return columns;
}

static void add_sights(struct pg_args *args, struct arena *arena, const struct pair_done *done, size_t count, int side)
{
    const struct sight_columns columns = columns_of(arena, done, count, side);
    pg_arg_i64s(args, arena, columns.subscriptions, count);
    pg_arg_texts(args, arena, columns.nicknames, count);
    pg_arg_texts(args, arena, columns.groups, count);
}

enum { ITEM_COLUMNS = 6 };

static void add_items(struct pg_args *args, struct arena *arena, const struct pair_done *done, size_t count)
{
    int64_t *columns = arena_array(arena, ITEM_COLUMNS * count, sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        const struct outbox_item *item = done[i].item;
        const int64_t row[ITEM_COLUMNS] = {item->id,  item->lease, item->version,
                                           item->low, item->high,  done[i].version};
        for (size_t column = 0; column < ITEM_COLUMNS; column++)
            columns[column * count + i] = row[column];
    }
    for (size_t column = 0; column < ITEM_COLUMNS; column++)
        pg_arg_i64s(args, arena, columns + column * count, count);
}

static void note_recorded(const PGresult *result, struct pair_done *done, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        done[i].recorded = false;
        for (int row = 0; row < PQntuples(result); row++)
            done[i].recorded |= pg_i64(result, row, 0) == done[i].item->id;
    }
}

enum err pairs_record(struct pg *pg, struct arena *arena, struct pair_done *done, size_t count)
{
    /* Bindings are locked before the outbox's rows, as requests do it; both in the order of ids. A row that somebody
     * changes just now is waited for and then seen as it has become. Rows are looked up by their keys (as above; an
     * insertion that surely meets its row is one more way to do that), but for what is deleted, if anything is: there
     * it is no way. */
    static const struct stmt record = {
        "pairs_record",
        "with item as materialized (select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], "
        "$5::bigint[], $6::bigint[], $7::smallint[], $8::text[], $9::text[], $10::smallint[], $11::text[], "
        "$12::text[]) i(id, lease, wish, low, high, version, low_subscription, low_nickname, low_groups, "
        "high_subscription, high_nickname, high_groups) order by low, high), "
        "held as materialized (select b.* from item i cross join lateral (select low, high, asked_by, wanted, version "
        "from bindings where low = i.low and high = i.high offset 0 for update) b), "
        "mine as materialized (select i.*, o.version as newest from item i cross join lateral (select version "
        "from outbox where id = i.id and lease = i.lease offset 0 for update) o "
        "where (select count(*) from held) >= 0), "
        "gone as (delete from outbox where id = any(array(select id from mine where newest = wish))), "
        "changed as (update outbox set lease = null, lease_owner = null, due_at = now() "
        "where id = any(array(select id from mine where newest <> wish))), "
        "seen as materialized (select h.* from held h join mine m using (low, high, version)), "
        "ended as (delete from bindings b using seen s where exists (select from seen where not wanted) "
        "and not s.wanted and b.low = s.low and b.high = s.high), "
        "kept as (insert into bindings_ended (low, high) select low, high from seen where not wanted order by 1, 2 "
        "on conflict (low, high) do update set ended_at = now()), "
        "settled as (insert into bindings (low, high, asked_by, wanted, version) "
        "select low, high, asked_by, wanted, version from seen where wanted order by 1, 2 "
        "on conflict (low, high) do update set seen_version = excluded.version), "
        "sight as materialized (select low as account, high as peer, low_subscription as subscription, "
        "low_nickname as nickname, string_to_array(low_groups, E'\\x1f') as groups from mine union all "
        "select high, low, high_subscription, high_nickname, string_to_array(high_groups, E'\\x1f') from mine), "
        "lost as (delete from roster_seen r using sight s where exists (select from sight where subscription < 0) "
        "and s.subscription < 0 and r.account_id = s.account and r.peer_id = s.peer), "
        "noted as (insert into roster_seen (account_id, peer_id, subscription, nickname, groups) "
        "select account, peer, subscription, nickname, groups from sight where subscription >= 0 order by 1, 2 "
        "on conflict (account_id, peer_id) do update set subscription = excluded.subscription, "
        "nickname = excluded.nickname, groups = excluded.groups, seen_at = now()) "
        "select id from mine"};
    if (count == 0)
        return OK;
    struct pg_args args = {0};
    add_items(&args, arena, done, count);
    add_sights(&args, arena, done, count, 0);
    add_sights(&args, arena, done, count, 1);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &record, &args, &result);
    if (err == OK)
        note_recorded(result, done, count);
    PQclear(result);
    return err;
}
