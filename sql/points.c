#include "sql/points.h"

#include "component/base/arena.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "sql/pg.h"

/* Two statements, because one alone would read the balance as it was before it waited for the lock. The lock is
 * advisory, and not the account's row, which others lock together with further rows in an order of their own. */
static enum err lock(struct pg *pg, int64_t account_id, enum currency currency)
{
    static const struct stmt lock = {"ledger_lock", "select pg_advisory_xact_lock($2, hashint8($1))"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, currency);
    return pg_do(pg, &lock, &args, NULL);
}

enum err ledger_add(struct pg *pg, int64_t account_id, enum currency currency, enum entry_reason reason, int64_t amount)
{
    static const struct stmt add = {
        "ledger_add",
        "insert into ledger (account_id, currency, seq, amount, balance, previous_seq, previous_balance, reason) "
        "select $1, $2, coalesce(last.seq, 0) + 1, $3, coalesce(last.balance, 0) + $3, last.seq, last.balance, $4 "
        "from (select) one left join (select seq, balance from ledger where account_id = $1 and currency = $2 "
        "order by seq desc limit 1) last on true where coalesce(last.balance, 0) + $3 >= 0"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, currency);
    pg_arg_i64(&args, amount);
    pg_arg_i64(&args, reason);
    int64_t rows = 0;
    enum err err = lock(pg, account_id, currency);
    if (err == OK)
        err = pg_do(pg, &add, &args, &rows);
    return err == OK && rows == 0 ? ERR_BALANCE : err;
}

enum err ledger_balance(struct pg *pg, int64_t account_id, enum currency currency, int64_t *balance_r)
{
    static const struct stmt get = {
        "ledger_balance",
        "select balance from ledger where account_id = $1 and currency = $2 order by seq desc limit 1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, currency);
    return pg_one_i64(pg, &get, &args, balance_r);
}

/* A budget that was changed during the day holds from the next prize on. */
enum err prize_day_spend(struct pg *pg, int64_t utc_offset_s, int64_t budget, int64_t amount)
{
    static const struct stmt spend = {
        "prize_day_spend", "insert into prize_days (day, budget, spent) "
                           "select (now() at time zone 'UTC' + $1::bigint * interval '1 second')::date, $2, $3::bigint "
                           "where $3::bigint <= $2::bigint on conflict (day) do update "
                           "set budget = excluded.budget, spent = prize_days.spent + excluded.spent "
                           "where prize_days.spent + excluded.spent <= excluded.budget"};
    struct pg_args args = {0};
    pg_arg_i64(&args, utc_offset_s);
    pg_arg_i64(&args, budget);
    pg_arg_i64(&args, amount);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &spend, &args, &rows);
    return err == OK && rows == 0 ? ERR_BALANCE : err;
}

/* As hex, because lists are lists of texts. */
static void arg_macs(struct pg_args *args, struct arena *arena, const struct keyed_mac *macs, size_t count)
{
    const char **texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        char *hex = arena_alloc(arena, 2 * sizeof macs[i].bytes + 1);
        hex_encode(macs[i].bytes, sizeof macs[i].bytes, hex);
        texts[i] = hex;
    }
    pg_arg_texts(args, arena, texts, count);
}

enum err welcomed_note(struct pg *pg, struct arena *arena, const struct keyed_mac *macs, size_t count)
{
    static const struct stmt note = {"welcomed_note",
                                     "insert into welcomed (mac, key_id) select decode(given.mac, 'hex'), given.key "
                                     "from unnest($1::text[], $2::bigint[]) given(mac, key) on conflict do nothing"};
    int64_t *keys = arena_array(arena, count, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = macs[i].key_id;
    struct pg_args args = {0};
    arg_macs(&args, arena, macs, count);
    pg_arg_i64s(&args, arena, keys, count);
    return pg_do(pg, &note, &args, NULL);
}

enum err welcomed_look(struct pg *pg, struct arena *arena, const struct keyed_mac *macs, size_t count, bool *welcomed_r)
{
    static const struct stmt look = {"welcomed_look",
                                     "select exists (select 1 from welcomed where mac in "
                                     "(select decode(given.mac, 'hex') from unnest($1::text[]) given(mac)))"};
    struct pg_args args = {0};
    arg_macs(&args, arena, macs, count);
    return pg_one_bool(pg, &look, &args, welcomed_r);
}
