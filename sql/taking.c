#include "sql/taking.h"

#include <stdlib.h>

#include "component/base/arena.h"
#include "sql/account_row.h"
#include "sql/bindings.h"

enum { LOW = ACCOUNT_COLUMN_COUNT, HIGH, VERSION, ITEM, TAKEN };

struct taking *taking_new(const char *owner, int64_t lease_ms, size_t most)
{
    struct taking *taking = xcalloc(1, sizeof *taking + most * sizeof taking->taken[0]);
    *taking = (struct taking){.owner = owner, .lease_ms = lease_ms, .lease = outbox_new_lease(), .most = most};
    return taking;
}

void taking_clear(struct taking *taking)
{
    while (taking != NULL && taking->count > 0)
        arena_free(&taking->taken[--taking->count].arena);
}

void taking_free(struct taking **taking)
{
    taking_clear(*taking);
    free(*taking);
    *taking = NULL;
}

void taking_args(struct pg_args *args, const struct taking *taking)
{
    if (taking == NULL) {
        pg_arg_text(args, NULL);
        pg_arg_text(args, NULL);
        pg_arg_i64(args, 0);
        return;
    }
    pg_arg_i64(args, taking->lease);
    pg_arg_text(args, taking->owner);
    pg_arg_i64(args, taking->lease_ms);
}

/* Versions are no pair's but one's. */
static struct taken *place_of(struct taking *taking, const struct wish *wish)
{
    struct taken *taken = taking->taken;
    while (taken < taking->taken + taking->count && taken->item.version != wish->version)
        taken++;
    return taken;
}

static void read_side(const PGresult *result, int row, bool wanted, const struct wish *wish, struct taking *taking)
{
    struct taken *taken = place_of(taking, wish);
    if (taken == taking->taken + taking->count) {
        taking->count++;
        *taken = (struct taken){.arena = arena_new(),
                                .item = {.id = pg_i64(result, row, ITEM),
                                         .kind = OUTBOX_PAIR,
                                         .low = wish->low,
                                         .high = wish->high,
                                         .version = wish->version,
                                         .lease = taking->lease,
                                         .attempts = 1},
                                .pair = {.wanted = wanted, .version = wish->version}};
    }
    const struct account account = account_of_row(taken->arena, result, row);
    taken->pair.sides[account.id == wish->high] = account;
}

void taking_read(const PGresult *result, bool wanted, struct taking *taking, struct arena *arena,
                 struct wish **wishes_r, size_t *wish_count_r)
{
    struct wish *wishes = arena_array(arena, (size_t)PQntuples(result), sizeof *wishes);
    size_t count = 0;
    for (int row = 0; row < PQntuples(result); row++) {
        const struct wish wish = {.low = pg_i64(result, row, LOW),
                                  .high = pg_i64(result, row, HIGH),
                                  .version = pg_i64(result, row, VERSION)};
        if (PQgetisnull(result, row, LOW))
            continue;
        if (pg_bool(result, row, TAKEN))
            read_side(result, row, wanted, &wish, taking);
        if (count == 0 || wishes[count - 1].version != wish.version)
            wishes[count++] = wish;
    }
    *wishes_r = wishes;
    *wish_count_r = count;
}
