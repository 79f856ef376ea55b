#include "sql/meta.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "sql/pg.h"

enum { IDENTITY_LENGTH = 16 };

#define NOW_MS "(extract(epoch from clock_timestamp()) * 1000)::bigint"

enum err meta_get(struct pg *pg, struct arena *arena, const char *key, const char **value_r)
{
    static const struct stmt get = {"meta_get", "select value from meta where key = $1"};
    struct pg_args args = {0};
    pg_arg_text(&args, key);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &get, &args, &result);
    if (err == OK)
        *value_r = PQntuples(result) > 0 ? pg_text(arena, result, 0, 0) : NULL;
    PQclear(result);
    return err;
}

enum err meta_set(struct pg *pg, const char *key, const char *value)
{
    static const struct stmt set = {
        "meta_set",
        "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value"};
    struct pg_args args = {0};
    pg_arg_text(&args, key);
    pg_arg_text(&args, value);
    return pg_do(pg, &set, &args, NULL);
}

enum err meta_claim_domain(struct pg *pg, const char *domain)
{
    static const struct stmt claim = {
        "meta_claim_domain", "insert into meta (key, value) values ('xmpp_domain', $1) on conflict do nothing"};
    struct pg_args args = {0};
    pg_arg_text(&args, domain);
    enum err err = pg_do(pg, &claim, &args, NULL);
    if (err != OK)
        return err;
    struct arena *arena = arena_new();
    const char *claimed = NULL;
    err = meta_get(pg, arena, "xmpp_domain", &claimed);
    if (err == OK && (claimed == NULL || strcmp(claimed, domain) != 0)) {
        log_error("wrong_xmpp_domain", F("database_belongs_to", claimed), F("configured", domain));
        err = ERR_CONFLICT;
    }
    arena_free(&arena);
    return err;
}

enum err meta_epoch(struct pg *pg, int64_t *epoch_r)
{
    static const struct stmt get = {"meta_epoch", "select value from meta where key = 'token_epoch'"};
    return pg_one_i64(pg, &get, &(struct pg_args){0}, epoch_r);
}

enum err meta_raise_epoch(struct pg *pg, int64_t *epoch_r)
{
    static const struct stmt raise = {
        "meta_raise_epoch", "insert into meta (key, value) values ('token_epoch', " NOW_MS "::text) on conflict (key) "
                            "do update set value = greatest(meta.value::bigint + 1, " NOW_MS ")::text returning value"};
    return pg_one_i64(pg, &raise, &(struct pg_args){0}, epoch_r);
}

enum err meta_identity(struct pg *pg, struct arena *arena, const char **identity_r)
{
    static const struct stmt claim = {"meta_identity",
                                      "insert into meta (key, value) values ('identity', $1) on conflict do nothing"};
    enum err err = meta_get(pg, arena, "identity", identity_r);
    if (err != OK || *identity_r != NULL)
        return err;
    char fresh[IDENTITY_LENGTH + 1];
    random_text("0123456789abcdef", IDENTITY_LENGTH, fresh);
    struct pg_args args = {0};
    pg_arg_text(&args, fresh);
    err = pg_do(pg, &claim, &args, NULL);
    return err == OK ? meta_get(pg, arena, "identity", identity_r) : err;
}

enum err meta_alive(struct pg *pg, int64_t *ms_r)
{
    static const struct stmt get = {"meta_alive", "select value from meta where key = 'alive_ms'"};
    return pg_one_i64(pg, &get, &(struct pg_args){0}, ms_r);
}

enum err meta_live(struct pg *pg, int64_t *ms_r)
{
    static const struct stmt live = {
        "meta_live", "insert into meta (key, value) values ('alive_ms', " NOW_MS "::text) on conflict (key) "
                     "do update set value = greatest(meta.value::bigint, " NOW_MS ")::text returning value"};
    return pg_one_i64(pg, &live, &(struct pg_args){0}, ms_r);
}
