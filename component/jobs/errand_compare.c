/* The errand that compares an account with what the server shows of it (docs/reconcile.md). It is read and compared on
 * a worker; what is done about it is in mending.c. */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/jobs/comparison.h"
#include "component/jobs/errand_kind.h"
#include "component/service/roster_items.h"
#include "component/service/services.h"

enum { TRIES = 3, LOOKS = 8 };

/* --- loading */

static void expect_items(struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    const struct expectation *expectation = &comparison->expectation;
    comparison->items = arena_array(errand->arena, expectation->count, sizeof *comparison->items);
    for (size_t i = 0; i < expectation->count; i++) {
        const struct expected_peer *peer = &expectation->peers[i];
        comparison->items[i] = (struct expected_item){
            .item = roster_item_of(errand->arena, &errand->config->services->settings, &peer->account, &peer->shown),
            .settled = peer->wanted && peer->settled};
    }
}

static enum err load(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison = arena_alloc(errand->arena, sizeof *comparison);
    *comparison = (struct comparison){0};
    const int64_t remember_ms = errand->config->reconcile.remember_ms;
    enum err err = comparisons_load(pg, errand->arena, errand->item.low, remember_ms, &comparison->expectation);
    if (err != OK)
        return err;
    errand->account = comparison->expectation.account;
    if (comparison->expectation.over) {
        err = comparisons_drop(pg, errand->item.low);
        return err == OK ? ERR_NOT_FOUND : err;
    }
    expect_items(errand);
    return OK;
}

/* --- comparing */

/* A contact that is gone because its JID is was removed by no user: that matters where his word counts, and for whom
 * the brake counts (mending.c); for the latter a few are enough, because where many are missing it is the account's own
 * roster that is wrong. Those that there is no time for are left to the next comparison. */
static void look_for_peers(struct errand *errand, int64_t deadline_ms)
{
    struct comparison *comparison = errand->comparison;
    const struct expectation *expectation = &comparison->expectation;
    comparison->peer_sights = arena_array(errand->arena, expectation->count, sizeof *comparison->peer_sights);
    for (size_t i = 0; i < expectation->count; i++)
        comparison->peer_sights[i] = PEER_NOT_LOOKED_FOR;
    const bool may_follow = comparison_may_follow(errand);
    size_t looks = 0;
    for (size_t i = 0; i < comparison->difference_count && clock_ms() < deadline_ms; i++) {
        const struct difference *difference = &comparison->differences[i];
        if (may_follow ? !comparison_is_removal(difference->kind) : difference->kind != DIFFERENCE_MISSING)
            continue;
        if (!may_follow && looks++ == LOOKS)
            break;
        const char *local = expectation->peers[difference->index].account.jid_local;
        const enum err err = xmpp_jid_exists(errand->config->xmpp, local, deadline_ms);
        if (err == OK || err == ERR_NOT_FOUND)
            comparison->peer_sights[difference->index] = err == OK ? PEER_THERE : PEER_GONE;
    }
}

static enum err run(struct errand *errand, int64_t deadline_ms)
{
    struct comparison *comparison = errand->comparison;
    const enum err err =
        xmpp_roster(errand->config->xmpp, errand->arena, errand->account.jid_local, &comparison->roster, deadline_ms);
    if (err != OK && err != ERR_NOT_FOUND && err != ERR_TOO_LARGE)
        return err;
    comparison->there = err != ERR_NOT_FOUND;
    comparison->read = err == OK;
    if (!comparison->read || errand->account.state != ACCOUNT_ACTIVE)
        return OK;
    compare_roster(errand->arena, comparison->items, comparison->expectation.count, &comparison->roster,
                   errand->config->services->settings.xmpp_domain, &comparison->differences,
                   &comparison->difference_count);
    look_for_peers(errand, deadline_ms);
    return OK;
}

/* --- recording */

/* It was known as vanished, and is back: somebody repaired the server. */
static enum err note_return(struct pg *pg, struct errand *errand)
{
    const struct account *account = &errand->account;
    bool holds = false;
    if (account->state != ACCOUNT_ACTIVE || account->jid_state != JID_VANISHED || !errand->comparison->there)
        return OK;
    enum err err = drift_account_holds(pg, account->id, account->state, &holds);
    if (err == OK && holds)
        err = accounts_jid_checked(pg, account->id, JID_MADE);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err done(struct pg *pg, struct errand *errand)
{
    const struct comparison *comparison = errand->comparison;
    const enum err err = note_return(pg, errand);
    return err == OK
               ? comparisons_note(pg, errand->account.id, errand->item.version, comparison->outcome, comparison->drift)
               : err;
}

/* What cannot be read now is left to the next round. */
static enum err failed(struct pg *pg, struct errand *errand)
{
    const bool no_link = errand->result == ERR_XMPP_DOWN || errand->result == ERR_SHUTDOWN;
    if (no_link || errand->item.attempts < TRIES)
        return errand_retry(pg, errand);
    errand->comparison->outcome = OUTCOME_UNREAD;
    const enum err err = comparisons_note(pg, errand->item.low, errand->item.version, OUTCOME_UNREAD, 0);
    return err == OK ? outbox_done(pg, &errand->item) : err;
}

static void tell(struct errand *errand)
{
    static const char *const outcomes[OUTCOMES] = {"", "same", "mended", "held", "unread"};
    const struct comparison *comparison = errand->comparison;
    const int64_t *counts = comparison->counts;
    if (comparison->outcome == OUTCOME_NONE)
        return;
    metric_add(M_RECONCILE_COMPARED, outcomes[comparison->outcome], 1);
    for (enum difference_kind kind = 0; kind < DIFFERENCE_KINDS; kind++)
        if (counts[kind] > 0)
            metric_add(M_RECONCILE_DRIFT, difference_name(kind), (uint64_t)counts[kind]);
    if (comparison->drift > 0)
        log_info("account_drifted", F("account", errand->account.id), F("outcome", outcomes[comparison->outcome]),
                 F("vanished", counts[DIFFERENCE_VANISHED]), F("risen", counts[DIFFERENCE_RISEN]),
                 F("missing", counts[DIFFERENCE_MISSING]), F("subscription", counts[DIFFERENCE_SUBSCRIPTION]),
                 F("name", counts[DIFFERENCE_NAME]), F("left_over", counts[DIFFERENCE_LEFT_OVER]));
}

const struct errand_kind errand_compare = {
    .name = "compare", .load = load, .run = run, .mend = comparison_mend, .done = done, .failed = failed, .tell = tell};
