#include "sql/outbox.h"

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "sql/doors.h"
#include "sql/instances.h"
#include "sql/pg.h"

enum err outbox_add(struct pg *pg, enum outbox_kind kind, int64_t account_id, const char *owner)
{
    static const struct stmt add = {
        "outbox_add",
        "insert into outbox (kind, low, version, lease_owner) values ($1, $2, nextval('wish_version'), $3) "
        "on conflict (kind, low, high) do update set version = excluded.version, attempts = 0, "
        "due_at = case when outbox.lease is null then now() else outbox.due_at end"};
    struct pg_args args = {0};
    pg_arg_i64(&args, kind);
    pg_arg_i64(&args, account_id);
    pg_arg_text(&args, owner);
    return pg_do(pg, &add, &args, NULL);
}

enum err outbox_add_later(struct pg *pg, enum outbox_kind kind, int64_t account_id, int64_t delay_ms)
{
    static const struct stmt add = {
        "outbox_add_later",
        "insert into outbox (kind, low, version, due_at) values ($1, $2, nextval('wish_version'), "
        "now() + $3::bigint * interval '1 millisecond') on conflict (kind, low, high) do update set "
        "version = excluded.version where outbox.lease is not null"};
    struct pg_args args = {0};
    pg_arg_i64(&args, kind);
    pg_arg_i64(&args, account_id);
    pg_arg_i64(&args, delay_ms);
    return pg_do(pg, &add, &args, NULL);
}

enum err outbox_drop(struct pg *pg, enum outbox_kind kind, int64_t account_id)
{
    static const struct stmt drop = {"outbox_drop",
                                     "delete from outbox where kind = $1 and low = $2 and high = 0 and lease is null"};
    struct pg_args args = {0};
    pg_arg_i64(&args, kind);
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &drop, &args, NULL);
}

/* Drawn, because a sequence that a dying Postgres forgets (a relaxed
 * session) would give one out twice. */
int64_t outbox_new_lease(void)
{
    uint64_t bits;
    random_bytes(&bits, sizeof bits);
    return (int64_t)(bits >> 1);
}

/* Its owner stays: a registration is still his whose client waits for it. */
#define AS_IF_NOT_TAKEN "update outbox set lease = null, attempts = attempts - 1, due_at = now() where "

/* Else they would wait for the end of their lease, though nobody is at them. */
static enum err give_back_lost(struct pg *pg, const struct outbox_claim *claim)
{
    static const struct stmt back = {"outbox_give_back_lost", AS_IF_NOT_TAKEN "lease_owner = $1 and lease = $2"};
    if (claim->lost == NULL || *claim->lost == 0)
        return OK;
    struct pg_args args = {0};
    pg_arg_text(&args, claim->owner);
    pg_arg_i64(&args, *claim->lost);
    const enum err err = pg_do(pg, &back, &args, NULL);
    if (err == OK)
        *claim->lost = 0;
    return err;
}

/* A pair whose last attempt ended in ERR_CONFLICT, by its err_name. */
#define IS_CONTESTED "o.kind = 3 and o.last_error = 'conflict'"
/* What a JID's deletion waits for, of the account's rows p. Not for ever for its pairs: the other side could keep it by
 * what it does to its own roster, and nothing is written any more to that of who is gone. */
#define HOLDS_JID "(p.kind <> 3 or p.attempts < 4 or p.lease is not null)"

enum err outbox_take(struct pg *pg, struct arena *arena, const struct outbox_claim *claim, struct outbox_item **items_r,
                     size_t *count_r)
{
    static const struct stmt take = {
        "outbox_take",
        "with creates as (select o.id from outbox o where o.kind = 1 and o.due_at <= now() "
        "and (o.lease_owner = $1 or o.since < now() - $3::bigint * interval '1 millisecond') "
        "order by o.due_at limit $5 for update skip locked), "
        "contested as (select o.id from outbox o where not $4 and " IS_CONTESTED " and o.due_at <= now() "
        "order by o.attempts, o.due_at limit least($8::bigint, $5 - (select count(*) from creates)) "
        "for update skip locked), "
        "others as (select o.id from outbox o where not $4 and o.kind <> 1 and o.kind <> 5 and o.kind <= 7 and "
        "o.due_at <= now() and (" IS_CONTESTED ") is not true "
        "and (o.kind <> 2 or (not exists (select 1 from outbox p where p.kind in (1, 3, 4, 6) and p.low = o.low "
        "and " HOLDS_JID ") "
        "and not exists (select 1 from outbox p where p.kind = 3 and p.high = o.low and " HOLDS_JID "))) "
        "order by o.due_at limit $5::bigint - (select count(*) from creates) - (select count(*) from contested) "
        "for update skip locked), "
        "compares as (select o.id from outbox o where not $4 and o.kind = 5 and o.due_at <= now() order by o.due_at "
        "limit least($7::bigint, $5 - (select count(*) from creates) - (select count(*) from contested) - "
        "(select count(*) from others)) for update skip locked), "
        "due as (select id from creates union all select id from contested union all select id from others union all "
        "select id from compares) "
        "update outbox o set lease = $6, lease_owner = $1, attempts = o.attempts + 1, "
        "due_at = now() + $2::bigint * interval '1 millisecond' from due where o.id = due.id and o.id = "
        "any(array(select id from due)) "
        "returning o.id, o.kind, o.low, o.high, o.version, o.lease, o.attempts, "
        "(extract(epoch from now() - o.since) * 1000)::bigint, coalesce(" IS_CONTESTED ", false)"};
    struct pg_args args = {0};
    pg_arg_text(&args, claim->owner);
    pg_arg_i64(&args, claim->lease_ms);
    pg_arg_i64(&args, claim->register_wait_ms);
    pg_arg_bool(&args, claim->creates_only);
    pg_arg_i64(&args, (int64_t)claim->most);
    const int64_t lease = outbox_new_lease();
    pg_arg_i64(&args, lease);
    pg_arg_i64(&args, (int64_t)claim->compares_most);
    pg_arg_i64(&args, (int64_t)claim->contested_most);
    PGresult *result = NULL;
    enum err err = give_back_lost(pg, claim);
    if (err != OK)
        return err;
    err = pg_run(pg, &take, &args, &result);
    if (err != OK && claim->lost != NULL)
        *claim->lost = lease;
    if (err != OK)
        return err;
    *count_r = (size_t)PQntuples(result);
    *items_r = arena_array(arena, *count_r, sizeof **items_r);
    for (size_t i = 0; i < *count_r; i++)
        (*items_r)[i] = (struct outbox_item){
            .id = pg_i64(result, (int)i, 0),
            .kind = (enum outbox_kind)pg_i64(result, (int)i, 1),
            .low = pg_i64(result, (int)i, 2),
            .high = pg_i64(result, (int)i, 3),
            .version = pg_i64(result, (int)i, 4),
            .lease = pg_i64(result, (int)i, 5),
            .attempts = (unsigned)pg_i64(result, (int)i, 6),
            .age_ms = pg_i64(result, (int)i, 7),
            .contested = pg_bool(result, (int)i, 8),
        };
    PQclear(result);
    return OK;
}

/* A wish that the JID be deleted, if the account is cancelled. */
static enum err add_delete(struct pg *pg, int64_t account_id)
{
    static const struct stmt add = {
        "outbox_add_delete",
        "insert into outbox (kind, low, version) select 2, id, nextval('wish_version') from accounts "
        "where id = $1 and state = 2 on conflict (kind, low, high) do update set version = excluded.version, "
        "due_at = case when outbox.lease is null then now() else outbox.due_at end"};
    struct pg_args args = {0};
    pg_arg_i64(&args, account_id);
    return pg_do(pg, &add, &args, NULL);
}

/* Late: our lease ran out, so what we did may have come after what a newer worker did, or he may still be at it. A pair
 * is compared anew, also one whose binding was ended and forgotten meanwhile: as what it is, a wish that there be none.
 * A JID that we may have made after its account was cancelled is deleted again. What was done to a JID's door is told
 * anew. */
static enum err come_again(struct pg *pg, const struct outbox_item *item)
{
    static const struct stmt again = {
        "outbox_again", "with b as (insert into bindings (low, high, asked_by, wanted, version) "
                        "values ($1, $2, $1, false, nextval('wish_version')) "
                        "on conflict (low, high) do update set seen_version = 0 returning low, high, version) "
                        "insert into outbox (kind, low, high, version) select 3, low, high, version from b "
                        "on conflict (kind, low, high) do update set version = nextval('wish_version'), "
                        "due_at = case when outbox.lease is null then now() else outbox.due_at end"};
    if (item->kind == OUTBOX_DOOR)
        return doors_retell(pg, item->low);
    if (item->kind != OUTBOX_PAIR)
        return add_delete(pg, item->low);
    struct pg_args args = {0};
    pg_arg_i64(&args, item->low);
    pg_arg_i64(&args, item->high);
    return pg_do(pg, &again, &args, NULL);
}

enum err outbox_done(struct pg *pg, const struct outbox_item *item)
{
    /* locked first: a wish that is just being changed must be seen as it will be */
    static const struct stmt done = {
        "outbox_done", "with mine as (select id, version from outbox where id = $1 and lease = $2 for update), "
                       "gone as (delete from outbox o using mine where o.id = mine.id and mine.version = $3), "
                       "changed as (update outbox o set lease = null, lease_owner = null, due_at = now() "
                       "from mine where o.id = mine.id and mine.version <> $3) select id from mine"};
    struct pg_args args = {0};
    pg_arg_i64(&args, item->id);
    pg_arg_i64(&args, item->lease);
    pg_arg_i64(&args, item->version);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &done, &args, &rows);
    return err == OK && rows == 0 ? come_again(pg, item) : err;
}

enum err outbox_retry(struct pg *pg, const struct outbox_item *item, int64_t wait_ms, const char *error)
{
    static const struct stmt retry = {
        "outbox_retry",
        "update outbox set lease = null, lease_owner = null, last_error = $4, "
        "due_at = case when version = $3 then now() + $5::bigint * interval '1 millisecond' else now() end "
        "where id = $1 and lease = $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, item->id);
    pg_arg_i64(&args, item->lease);
    pg_arg_i64(&args, item->version);
    pg_arg_text(&args, error);
    pg_arg_i64(&args, wait_ms);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &retry, &args, &rows);
    return err == OK && rows == 0 ? come_again(pg, item) : err; /* half of it may have been done */
}

enum err outbox_give_back(struct pg *pg, const struct outbox_item *item)
{
    static const struct stmt back = {"outbox_give_back", AS_IF_NOT_TAKEN "id = $1 and lease = $2"};
    struct pg_args args = {0};
    pg_arg_i64(&args, item->id);
    pg_arg_i64(&args, item->lease);
    int64_t rows = 0;
    const enum err err = pg_do(pg, &back, &args, &rows);
    return err == OK && rows == 0 ? come_again(pg, item) : err;
}

enum err outbox_release(struct pg *pg, const struct instance *instance)
{
    /* 17: as instance_owner; runs before there were such owners went by the name alone */
    static const struct stmt release = {"outbox_release",
                                        "update outbox set lease = null, lease_owner = $1, due_at = now(), "
                                        "attempts = case when kind = 1 then attempts + 1 else attempts end "
                                        "where lease_owner = $2 or left(lease_owner, -17) = $2"};
    char owner[INSTANCE_OWNER_SIZE];
    instance_owner(instance, owner);
    struct pg_args args = {0};
    pg_arg_text(&args, owner);
    pg_arg_text(&args, instance->name);
    return pg_do(pg, &release, &args, NULL);
}

enum err outbox_hurry(struct pg *pg)
{
    /* what is locked is being changed, and so becomes due by itself */
    static const struct stmt hurry = {
        "outbox_hurry",
        "update outbox set due_at = now() where id in "
        "(select id from outbox where lease is null and attempts > 0 and due_at > now() for update skip locked)"};
    return pg_do(pg, &hurry, &(struct pg_args){0}, NULL);
}

enum err outbox_count(struct pg *pg, int64_t stuck_after, struct outbox_counts *counts_r)
{
    static const struct stmt count = {
        "outbox_count",
        "select kind, count(*), count(*) filter (where attempts >= $1), "
        "coalesce((extract(epoch from now() - min(since)) * 1000)::bigint, 0), "
        "greatest(0, (extract(epoch from min(due_at) - now()) * 1000)::bigint) from outbox where kind < $2 "
        "group by kind"};
    struct pg_args args = {0};
    pg_arg_i64(&args, stuck_after);
    pg_arg_i64(&args, OUTBOX_KINDS);
    PGresult *result = NULL;
    const enum err err = pg_run(pg, &count, &args, &result);
    if (err != OK)
        return err;
    *counts_r = (struct outbox_counts){.next_due_ms = INT64_MAX};
    for (int i = 0; i < PQntuples(result); i++) {
        counts_r->waiting[pg_i64(result, i, 0)] = pg_i64(result, i, 1);
        counts_r->stuck += pg_i64(result, i, 2);
        const int64_t age = pg_i64(result, i, 3), due = pg_i64(result, i, 4);
        if (age > counts_r->oldest_ms)
            counts_r->oldest_ms = age;
        if (due < counts_r->next_due_ms)
            counts_r->next_due_ms = due;
    }
    PQclear(result);
    return OK;
}
