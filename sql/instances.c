#include "sql/instances.h"

#include <stdio.h>

#include "component/base/arena.h"
#include "sql/meta.h"
#include "sql/pg.h"

void instance_owner(const struct instance *instance, char owner_r[INSTANCE_OWNER_SIZE])
{
    snprintf(owner_r, INSTANCE_OWNER_SIZE, "%s/%s", instance->name, instance->process);
}

enum err instances_beat(struct pg *pg, const struct instance *instance, int64_t *holder_us_r)
{
    static const struct stmt beat = {
        "instances_beat",
        "with mine as (insert into instances as i (name, process, component, version) values ($1, $2, $3, $4) "
        "on conflict (name) do update set process = excluded.process, component = excluded.component, "
        "version = excluded.version, seen_at = now(), "
        "started_at = case when i.process = excluded.process then i.started_at else now() end "
        "where i.process = excluded.process or i.seen_at < now() - $5::bigint * interval '1 millisecond' "
        "returning name) select case when exists (select from mine) then 0 else (select "
        "(extract(epoch from seen_at) * 1000000)::bigint from instances where name = $1) end"};
    struct pg_args args = {0};
    pg_arg_text(&args, instance->name);
    pg_arg_text(&args, instance->process);
    pg_arg_text(&args, instance->component);
    pg_arg_text(&args, instance->version);
    pg_arg_i64(&args, INSTANCE_SILENT_MS);
    return pg_one_i64(pg, &beat, &args, holder_us_r);
}

enum err instances_leave(struct pg *pg, const struct instance *instance)
{
    static const struct stmt leave = {"instances_leave", "delete from instances where name = $1 and process = $2"};
    struct pg_args args = {0};
    pg_arg_text(&args, instance->name);
    pg_arg_text(&args, instance->process);
    return pg_do(pg, &leave, &args, NULL);
}

static void read_rows(struct arena *arena, const PGresult *result, struct instance_seen **seen_r, size_t *count_r)
{
    *count_r = (size_t)PQntuples(result);
    *seen_r = arena_array(arena, *count_r, sizeof **seen_r);
    for (int i = 0; i < PQntuples(result); i++)
        (*seen_r)[i] = (struct instance_seen){
            .name = pg_text(arena, result, i, 0),
            .component = pg_text(arena, result, i, 1),
            .version = pg_text(arena, result, i, 2),
            .up_s = pg_i64(result, i, 3),
            .silent_ms = pg_i64(result, i, 4),
        };
}

#define SEEN_COLUMNS                                                                                                   \
    "name, component, version, extract(epoch from now() - started_at)::bigint, "                                       \
    "(extract(epoch from now() - seen_at) * 1000)::bigint"

#define DEAD "name <> $1 and seen_at < now() - $2::bigint * interval '1 millisecond'"

static enum err any_dead(struct pg *pg, const struct pg_args *args, bool *any_r)
{
    static const struct stmt look = {"instances_any_dead", "select exists (select from instances where " DEAD ")"};
    return pg_one_bool(pg, &look, args, any_r);
}

/* In a transaction. Those that another process mourns at this moment are left to it. */
static enum err forget(struct pg *pg, struct arena *arena, const struct pg_args *args, struct instance_seen **dead_r,
                       size_t *count_r)
{
    static const struct stmt mourn = {"instances_mourn",
                                      "delete from instances where name in (select name from instances where " DEAD
                                      " for update skip locked) returning " SEEN_COLUMNS};
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &mourn, args, &result);
    if (err == OK)
        read_rows(arena, result, dead_r, count_r);
    PQclear(result);
    int64_t epoch;
    return err == OK && *count_r > 0 ? meta_raise_epoch(pg, &epoch) : err;
}

enum err instances_mourn(struct pg *pg, struct arena *arena, const char *own_name, struct instance_seen **dead_r,
                         size_t *count_r)
{
    struct pg_args args = {0};
    pg_arg_text(&args, own_name);
    pg_arg_i64(&args, INSTANCE_SILENT_MS);
    bool any = false;
    *count_r = 0;
    enum err err = any_dead(pg, &args, &any);
    if (err != OK || !any)
        return err;
    if ((err = pg_begin(pg)) != OK)
        return err;
    err = forget(pg, arena, &args, dead_r, count_r);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

enum err instances_list(struct pg *pg, struct arena *arena, struct instance_seen **seen_r, size_t *count_r)
{
    static const struct stmt list = {"instances_list", "select " SEEN_COLUMNS " from instances order by name"};
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &list, &(struct pg_args){0}, &result);
    if (err == OK)
        read_rows(arena, result, seen_r, count_r);
    PQclear(result);
    return err;
}
