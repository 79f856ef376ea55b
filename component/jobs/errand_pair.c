/* The errand that makes a pair's binding true on both rosters, or ends it there. */
#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/jobs/errand_kind.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "component/service/waiters.h"

static void set_side(const struct errand *errand, struct roster_side *side, const struct account *own,
                     const struct account *other)
{
    const struct service_settings *settings = &errand->config->services->settings;
    *side = (struct roster_side){
        .local = own->jid_local,
        .exists = own->state != ACCOUNT_CANCELLED,
        .item = {.jid = arena_printf(errand->arena, "%s@%s", other->jid_local, settings->xmpp_domain),
                 .name = name_in_rosters(settings->country, other)},
    };
}

static enum err load(struct pg *pg, struct errand *errand)
{
    struct pair *pair = &errand->pair;
    const enum err err = bindings_load(pg, errand->arena, errand->item.low, errand->item.high, pair);
    if (err != OK)
        return err;
    set_side(errand, &errand->sides[0], &pair->sides[0], &pair->sides[1]);
    set_side(errand, &errand->sides[1], &pair->sides[1], &pair->sides[0]);
    return OK;
}

static enum err run(struct errand *errand, int64_t deadline_ms)
{
    struct xmpp *xmpp = errand->config->xmpp;
    FAILPOINT("pair.before");
    const enum err err = errand->pair.wanted ? xmpp_bind(xmpp, errand->arena, errand->sides, deadline_ms)
                                             : xmpp_unbind(xmpp, errand->arena, errand->sides, deadline_ms);
    FAILPOINT("pair.made");
    return err;
}

static enum err done(struct pg *pg, struct errand *errand)
{
    struct roster_sight sights[2];
    for (int i = 0; i < 2; i++) {
        const struct roster_item *seen = &errand->sides[i].seen;
        sights[i] = (struct roster_sight){.present = errand->sides[i].seen_present,
                                          .subscription = (int)seen->subscription,
                                          .nickname = seen->name != NULL ? seen->name : "",
                                          .groups = seen->groups,
                                          .group_count = seen->group_count};
    }
    const struct roster_sight *const both[2] = {&sights[0], &sights[1]};
    const enum err err = bindings_saw(pg, errand->arena, errand->item.low, errand->item.high, both);
    return err == OK ? bindings_settle(pg, errand->item.low, errand->item.high, errand->pair.version) : err;
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

static enum err failed(struct pg *pg, struct errand *errand)
{
    const enum err err = errand->result == ERR_JID_NONE ? have_sides_checked(pg, errand) : OK;
    return err == OK ? errand_retry(pg, errand) : err;
}

static void tell(struct errand *errand)
{
    if (errand->result == OK || errand->result == ERR_NOT_FOUND)
        waiters_punch(errand->config->services->runtime.waiters, WAIT_KEY(WAIT_WISH, errand->pair.version));
}

const struct errand_kind errand_pair = {
    .name = "pair", .load = load, .run = run, .done = done, .failed = failed, .tell = tell};
