/* The errand that makes a pair's binding true on both rosters, or ends it there. Most errands are of this kind, so what
 * Postgres has to do with them it does for many at once. */
#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/jobs/errand_kind.h"
#include "component/jobs/herald.h"
#include "component/service/roster_items.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/comparisons.h"

enum { UNCONTESTED_MS = 150, CONTESTED_MS = 500 };

static void set_side(struct errand *errand, int side)
{
    const struct account *own = &errand->pair.sides[side], *other = &errand->pair.sides[1 - side];
    errand->sides[side] = (struct roster_side){
        .local = own->jid_local,
        .exists = own->state != ACCOUNT_CANCELLED,
        .item = roster_item_of(errand->arena, &errand->config->services->settings, other, &errand->pair.shown[side]),
    };
}

/* Those that are to be recorded together; of `done` or not: those that are to be loaded. */
static bool is_pair(const struct errand *errand, bool done)
{
    return errand->item.kind == OUTBOX_PAIR && (!done || (errand->result == OK && !errand->recorded));
}

static size_t count_pairs(const struct errand *list, bool done)
{
    size_t count = 0;
    for (; list != NULL; list = list->next)
        count += is_pair(list, done);
    return count;
}

static void take_in(struct errand *errand, bool found)
{
    errand->result = found ? OK : ERR_NOT_FOUND;
    for (int side = 0; found && side < 2; side++)
        set_side(errand, side);
}

void errand_set_pair(struct errand *errand, const struct pair *pair)
{
    errand->pair = *pair;
    take_in(errand, true);
}

void errand_load_pairs(struct pg *pg, struct errand *list)
{
    const size_t count = count_pairs(list, false);
    if (count == 0)
        return;
    struct arena *arena = arena_new();
    struct pair_load *loads = arena_array(arena, count, sizeof *loads), *next = loads;
    for (struct errand *errand = list; errand != NULL; errand = errand->next)
        if (is_pair(errand, false))
            *next++ = (struct pair_load){
                .low = errand->item.low, .high = errand->item.high, .arena = errand->arena, .pair = &errand->pair};
    const enum err err = pairs_load(pg, arena, loads, count);
    next = loads;
    for (struct errand *errand = list; errand != NULL; errand = errand->next) {
        if (!is_pair(errand, false))
            continue;
        take_in(errand, (next++)->found);
        if (err != OK)
            errand->result = err;
    }
    arena_free(&arena);
}

static bool is_unordered(struct xmpp *xmpp)
{
    struct xmpp_status status;
    xmpp_status(xmpp, &status);
    return status.unordered;
}

/* Among those that nobody contests a pair is given up soon if it is not as wished: it is tried again, apart from them
 * (outbox.c). */
static enum err run(struct errand *errand, int64_t deadline_ms)
{
    struct xmpp *xmpp = errand->config->xmpp;
    const struct xmpp_patience patience = {.disagreeing_ms = errand->item.contested ? CONTESTED_MS : UNCONTESTED_MS,
                                           .deadline_ms = deadline_ms,
                                           .again = errand->item.attempts > 1};
    FAILPOINT("pair.before");
    const enum err err = errand->pair.wanted ? xmpp_bind(xmpp, errand->arena, errand->sides, &patience)
                                             : xmpp_unbind(xmpp, errand->arena, errand->sides, &patience);
    FAILPOINT("pair.made");
    errand->may_come_late = err == ERR_TIMEOUT && is_unordered(xmpp);
    return err;
}

static struct roster_sight sight_of(const struct roster_side *side)
{
    const struct roster_item *seen = &side->seen;
    return (struct roster_sight){.present = side->seen_present,
                                 .subscription = (int)seen->subscription,
                                 .nickname = seen->name != NULL ? seen->name : "",
                                 .groups = seen->groups,
                                 .group_count = seen->group_count};
}

enum err errand_record_pairs(struct pg *pg, struct errand *list)
{
    const size_t count = count_pairs(list, true);
    if (count == 0)
        return OK;
    struct arena *arena = arena_new();
    struct pair_done *done = arena_array(arena, count, sizeof *done), *next = done;
    for (struct errand *errand = list; errand != NULL; errand = errand->next)
        if (is_pair(errand, true))
            *next++ = (struct pair_done){.item = &errand->item,
                                         .version = errand->pair.version,
                                         .sights = {sight_of(&errand->sides[0]), sight_of(&errand->sides[1])}};
    FAILPOINT("record.before_commit");
    const enum err err = pairs_record(pg, arena, done, count);
    FAILPOINT("record.committed");
    next = done;
    for (struct errand *errand = list; errand != NULL && err == OK; errand = errand->next)
        if (is_pair(errand, true))
            errand->recorded = (next++)->recorded;
    arena_free(&arena);
    return err;
}

/* Too late: what was seen may be older than what another worker did meanwhile. */
static enum err done(struct pg *pg, struct errand *errand)
{
    (void)pg;
    (void)errand;
    return OK;
}

/* A pair whose JID is missing waits for it to be made again. */
static enum err have_sides_checked(struct pg *pg, struct errand *errand)
{
    enum err err = OK;
    for (int i = 0; i < 2 && err == OK; i++)
        if (errand->pair.sides[i].state == ACCOUNT_ACTIVE)
            err = outbox_add(pg, OUTBOX_CHECK_JID, errand->pair.sides[i].id, NULL);
    return err;
}

/* What was given up may yet be done, after its repetition or the opposite. Nobody would see it before the next round,
 * so that both sides are compared when it can hardly be under way any more. */
static enum err have_sides_compared(struct pg *pg, const struct errand *errand)
{
    enum err err = OK;
    for (int i = 0; i < 2 && err == OK; i++)
        if (errand->pair.sides[i].state == ACCOUNT_ACTIVE)
            err = comparisons_wish_later(pg, errand->pair.sides[i].id, errand->config->lease_ms);
    return err;
}

static enum err failed(struct pg *pg, struct errand *errand)
{
    enum err err = OK;
    if (errand->result == ERR_JID_NONE)
        err = have_sides_checked(pg, errand);
    else if (errand->may_come_late)
        err = have_sides_compared(pg, errand);
    return err == OK ? errand_retry(pg, errand) : err;
}

/* Who waits for it may do so in another process. */
static void wake(const struct jobs_config *config, uint64_t key)
{
    waiters_punch(config->services->runtime.waiters, key);
    herald_tell(config->herald, key);
}

static void tell(struct errand *errand)
{
    if (errand->result == OK || errand->result == ERR_NOT_FOUND)
        wake(errand->config, WAIT_KEY(WAIT_WISH, errand->pair.version));
}

const struct errand_kind errand_pair = {.name = "pair", .run = run, .done = done, .failed = failed, .tell = tell};
