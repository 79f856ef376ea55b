/* Consent (consent.h). A binding that the other side asked for needs no second yes: who wishes what he is being asked
 * agrees. So two accounts that wish to be asked and ask each other are bound, whichever came first; who came second
 * waits for the first one's row or, had he not seen it, is sent round again (ERR_BUSY). A no outlasts a change of the
 * account's setting: who said it to somebody did not mean everybody. */
#include "component/service/consent.h"

#include "component/base/arena.h"
#include "component/cache/limits.h"
#include "component/service/asks.h"
#include "component/service/services.h"

enum { DAY_MS = 24 * 3600000 };

static enum consent_way way_of(int64_t asker, const struct account *target, const struct ask *ask)
{
    if (ask->state == ASK_REFUSED && ask->asker == asker)
        return CONSENT_SAYS_NO;
    if (ask->state == ASK_OPEN && ask->asker == target->id)
        return CONSENT_BINDS;
    if (target->consent != CONSENT_ASK)
        return CONSENT_BINDS;
    return ask->state == ASK_OPEN ? CONSENT_WAITS : CONSENT_ASKS;
}

enum err consent_find(struct call *call, struct worker *worker, struct consent_list *list, bool lock)
{
    int64_t *ids = arena_array(call->arena, list->count, sizeof *ids);
    struct ask *asks = arena_array(call->arena, list->count, sizeof *asks);
    for (size_t i = 0; i < list->count; i++)
        ids[i] = list->targets[i]->id;
    list->ways = arena_array(call->arena, list->count, sizeof *list->ways);
    const enum err err = asks_look(worker->pg, call->arena, list->asker, ids, list->count, lock, asks);
    for (size_t i = 0; err == OK && i < list->count; i++)
        list->ways[i] = way_of(list->asker, list->targets[i], &asks[i]);
    return err;
}

const int64_t *consent_pick(struct call *call, const struct consent_list *list, enum consent_way way, size_t *count_r)
{
    int64_t *ids = arena_array(call->arena, list->count, sizeof *ids);
    *count_r = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->ways[i] == way)
            ids[(*count_r)++] = list->targets[i]->id;
    return ids;
}

bool consent_is_needed(const struct consent_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->targets[i]->consent == CONSENT_ASK)
            return true;
    return false;
}

enum err consent_limit(struct call *call, struct worker *worker, struct consent_list *list)
{
    bool full = false;
    list->counted = 0;
    if (!consent_is_needed(list))
        return OK;
    enum err err = consent_find(call, worker, list, false);
    if (err != OK)
        return err;
    const int64_t *ids = consent_pick(call, list, CONSENT_ASKS, &list->counted);
    if (list->counted == 0)
        return OK;
    err = asks_full(worker->pg, call->arena, ids, list->counted, ASKS_MAX, &full);
    if (err != OK || full)
        return err == OK ? ERR_LIMITED : err;
    const struct limit limit = {.what = "ask.account",
                                .who = arena_printf(call->arena, "%lld", (long long)list->asker),
                                .most = call->services->settings.asks_per_day,
                                .period_ms = DAY_MS,
                                .cost = (int64_t)list->counted};
    return services_limit(call, worker, &limit, 1);
}

enum err consent_ask(struct call *call, struct worker *worker, const struct consent_list *list)
{
    size_t count = 0;
    const int64_t *ids = consent_pick(call, list, CONSENT_ASKS, &count);
    if (count == 0)
        return OK;
    if (count > list->counted)
        return ERR_BUSY;
    return asks_open(worker->pg, call->arena, list->asker, ids, count, call->services->settings.ask_lifetime_ms);
}
