#include "sql/profiles.h"

#include "component/base/arena.h"
#include "sql/pg.h"

/* "for share": a cancel waits, and then finds this row, too, to erase. */
enum err profiles_put(struct pg *pg, int64_t account_id, const struct profile *profile)
{
    static const struct stmt put = {
        "profiles_put",
        "with owner as (select id from accounts where id = $1 and state = 1 for share) "
        "insert into profiles (account_id, company_logo, company_name, company_address, user_name, identity_card, "
        "identity_key, qq_number, recommended_by) select id, $2, $3, $4, $5, $6, $7, $8, nullif($9::bigint, 0) "
        "from owner where $9 = 0 or exists (select 1 from accounts where id = $9 and state = 1) "
        "on conflict (account_id) do update set company_logo = excluded.company_logo, "
        "company_name = excluded.company_name, company_address = excluded.company_address, "
        "user_name = excluded.user_name, identity_card = excluded.identity_card, "
        "identity_key = excluded.identity_key, qq_number = excluded.qq_number, "
        "recommended_by = excluded.recommended_by, updated_at = now()"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    pg_arg_text(&args, profile->company_logo);
    pg_arg_text(&args, profile->company_name);
    pg_arg_text(&args, profile->company_address);
    pg_arg_text(&args, profile->user_name);
    pg_arg_bytes(&args, profile->identity_card.bytes, profile->identity_card.length);
    pg_arg_i64(&args, profile->identity_card.key_id);
    pg_arg_text(&args, profile->qq_number);
    pg_arg_i64(&args, profile->recommended_by);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &put, &args, &rows);
    return err == OK && rows == 0 ? ERR_NOT_FOUND : err;
}

static struct profile profile_of_row(struct arena *arena, const PGresult *result)
{
    struct profile profile = {
        .company_logo = pg_text(arena, result, 0, 0),
        .company_name = pg_text(arena, result, 0, 1),
        .company_address = pg_text(arena, result, 0, 2),
        .user_name = pg_text(arena, result, 0, 3),
        .qq_number = pg_text(arena, result, 0, 4),
        .recommended_by = pg_i64(result, 0, 7),
        .recommended_phone = pg_text(arena, result, 0, 8),
    };
    profile.identity_card.bytes = pg_bytes(arena, result, 0, 5, &profile.identity_card.length);
    profile.identity_card.key_id = (int32_t)pg_i64(result, 0, 6);
    return profile;
}

enum err profiles_get(struct pg *pg, struct arena *arena, int64_t account_id, struct profile *profile_r)
{
    static const struct stmt get = {
        "profiles_get",
        "select p.company_logo, p.company_name, p.company_address, p.user_name, p.qq_number, p.identity_card, "
        "p.identity_key, coalesce(p.recommended_by, 0), coalesce(r.name, '') from profiles p "
        "left join accounts r on r.id = p.recommended_by and r.type = 1 where p.account_id = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &get, &args, &result);
    if (err == OK && PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    if (err == OK)
        *profile_r = profile_of_row(arena, result);
    PQclear(result);
    return err;
}

enum err profiles_exists(struct pg *pg, int64_t account_id, bool *exists_r)
{
    static const struct stmt look = {"profiles_exists", "select exists (select 1 from profiles where account_id = $1)"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_one_bool(pg, &look, &args, exists_r);
}
