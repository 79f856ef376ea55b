/* Wrong passwords (wrong_passwords.h). Each statement decides and writes in one, and judges a row by clock_timestamp(),
 * which is read when the row is locked: now() is the statement's beginning, and a statement that had to wait for the
 * row would take what happened meanwhile for the future. */
#include "sql/wrong_passwords.h"

#include <stddef.h>

#include "sql/pg.h"

/* $3: stop_after */
#define SHUT_OUT "(w.next_at > clock_timestamp() or $3::bigint > 0 and w.count >= $3)"

/* Into the caller's, and not by value: numbers are pointed to where they lie in it. */
static void add_args(struct pg_args *args, const struct wrong_passwords_rules *rules, int64_t account_id,
                     const char *source)
{
    pg_arg_i64(args, account_id);
    pg_arg_text(args, source);
    pg_arg_i64(args, rules->stop_after);
}

enum err wrong_passwords_shut(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                              const char *source, bool *shut_r)
{
    static const struct stmt shut = {
        "wrong_passwords_shut",
        "select exists (select 1 from wrong_passwords w where account_id = $1 and source = $2 and " SHUT_OUT ")"};
    struct pg_args args = {0};
    add_args(&args, rules, account_id, source);
    return pg_one_bool(pg, &shut, &args, shut_r);
}

enum err wrong_passwords_count(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                               const char *source, int64_t *count_r)
{
    /* "for share": a cancel waits, and then erases this row, too; or the account is gone, and where the try came from
     * is not kept. The exponent is bounded so that the power stays a number; the cap is below it by far. */
    static const struct stmt count = {
        "wrong_passwords_count",
        "with quick as (select set_config('synchronous_commit', 'off', true)), "
        "owner as (select id from accounts where id = $1 and state < 2 for share), "
        "tried as (insert into wrong_passwords as w (account_id, source, count, next_at) "
        "select id, $2, 1, case when $4::bigint > 1 then now() else now() + least($5::bigint, $6::bigint) * "
        "interval '1 millisecond' end from owner, quick "
        "on conflict (account_id, source) do update set count = w.count + 1, next_at = case when w.count + 1 < $4 "
        "then clock_timestamp() else clock_timestamp() + least(($5 * 2.0 ^ least(w.count + 1 - $4, 40))::bigint, $6) * "
        "interval '1 millisecond' end where not " SHUT_OUT " returning w.count) "
        "select coalesce((select count from tried), 0)"};
    struct pg_args args = {0};
    add_args(&args, rules, account_id, source);
    pg_arg_i64(&args, rules->slow_after);
    pg_arg_i64(&args, rules->delay_ms);
    pg_arg_i64(&args, rules->delay_max_ms);
    return pg_one_i64(pg, &count, &args, count_r);
}

enum err wrong_passwords_end(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                             const char *source, bool *shut_r)
{
    static const struct stmt end = {
        "wrong_passwords_end",
        "with gone as (delete from wrong_passwords w where account_id = $1 and source = $2 and not " SHUT_OUT ") "
        "select exists (select 1 from wrong_passwords w where account_id = $1 and source = $2 and " SHUT_OUT ")"};
    struct pg_args args = {0};
    add_args(&args, rules, account_id, source);
    return pg_one_bool(pg, &end, &args, shut_r);
}

enum err wrong_passwords_end_all(struct pg *pg, int64_t account_id)
{
    static const struct stmt end = {"wrong_passwords_end_all", "delete from wrong_passwords where account_id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &end, &args, NULL);
}

enum err wrong_passwords_purge(struct pg *pg, int64_t most, int64_t *count_r)
{
    static const struct stmt purge = {
        "wrong_passwords_purge",
        "delete from wrong_passwords where (account_id, source) in (select account_id, source from wrong_passwords "
        "where source <> '' and next_at < now() - interval '1 day' limit $1)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, most);
    return pg_do(pg, &purge, &args, count_r);
}
