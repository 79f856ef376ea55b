/* What is done about the differences that a comparison found (docs/reconcile.md). Bindings change while rosters are
 * read, so what differs is looked at once more; then it is weighed against the brake, and what may be mended is wished:
 * other errands do it. */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/jobs/comparison.h"
#include "component/service/roster_items.h"
#include "sql/outbox.h"
#include "sql/pg.h"

static const struct expected_peer *peer_of(const struct comparison *comparison, const struct drifted_pair *pair)
{
    return &comparison->expectation.peers[pair->index];
}

static struct compared_pair compared(const struct expected_peer *peer)
{
    return (struct compared_pair){.peer = peer->account.id, .version = peer->version};
}

bool comparison_is_removal(enum difference_kind kind)
{
    return kind == DIFFERENCE_MISSING || kind == DIFFERENCE_SUBSCRIPTION;
}

bool comparison_may_follow(const struct errand *errand)
{
    return errand->config->reconcile.follow && !errand->comparison->expectation.forgotten;
}

/* --- what still holds */

static enum err judge_jid(struct pg *pg, struct errand *errand, enum difference_kind kind)
{
    bool holds = false;
    const enum err err = drift_account_holds(pg, errand->account.id, errand->account.state, &holds);
    errand->comparison->counts[kind] = holds;
    return err;
}

static void keep_pair(struct comparison *comparison, const struct difference *difference)
{
    const bool missing = difference->kind == DIFFERENCE_MISSING;
    comparison->pairs[comparison->pair_count++] =
        (struct drifted_pair){.index = difference->index,
                              .kind = difference->kind,
                              .seen = missing ? NULL : &comparison->roster.items[difference->seen]};
    comparison->counts[difference->kind]++;
}

static enum err judge_pairs(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    const struct difference *differences = comparison->differences;
    size_t count = 0;
    while (count < comparison->difference_count && differences[count].kind != DIFFERENCE_LEFT_OVER)
        count++;
    struct compared_pair *pairs = arena_array(errand->arena, count, sizeof *pairs);
    comparison->pairs = arena_array(errand->arena, count, sizeof *comparison->pairs);
    for (size_t i = 0; i < count; i++)
        pairs[i] = compared(&comparison->expectation.peers[differences[i].index]);
    const enum err err = drift_pairs_hold(pg, errand->arena, errand->account.id, pairs, count);
    for (size_t i = 0; i < count && err == OK; i++)
        if (pairs[i].holds)
            keep_pair(comparison, &differences[i]);
    return err;
}

/* Of those that are there as `both`, or of the others. */
static enum err find_left_overs(struct pg *pg, struct errand *errand, bool both, int64_t **ids_r, size_t *count_r)
{
    const struct comparison *comparison = errand->comparison;
    const char **locals = arena_array(errand->arena, comparison->difference_count, sizeof *locals);
    size_t count = 0;
    for (size_t i = 0; i < comparison->difference_count; i++) {
        const struct difference *difference = &comparison->differences[i];
        if (difference->kind != DIFFERENCE_LEFT_OVER)
            continue;
        const struct roster_item *item = &comparison->roster.items[difference->seen];
        if ((item->subscription == XMPP_BOTH) == both)
            locals[count++] = arena_copy(errand->arena, item->jid, strcspn(item->jid, "@"));
    }
    return drift_left_overs(pg, errand->arena, errand->account.id, locals, count, ids_r, count_r);
}

static enum err judge_left_overs(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    int64_t *one_sided = NULL, *both = NULL;
    size_t both_count = 0;
    enum err err = find_left_overs(pg, errand, false, &one_sided, &comparison->one_sided_count);
    if (err == OK)
        err = find_left_overs(pg, errand, true, &both, &both_count);
    if (err != OK)
        return err;
    const size_t first = comparison->one_sided_count, all = first + both_count;
    comparison->left_overs = arena_array(errand->arena, all, sizeof *comparison->left_overs);
    for (size_t i = 0; i < all; i++)
        comparison->left_overs[i] = i < first ? one_sided[i] : both[i - first];
    comparison->left_over_count = all;
    comparison->counts[DIFFERENCE_LEFT_OVER] = (int64_t)all;
    return OK;
}

static enum err judge(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    const bool cancelled = errand->account.state == ACCOUNT_CANCELLED;
    memset(comparison->counts, 0, sizeof comparison->counts); /* it may be done twice */
    comparison->pair_count = comparison->left_over_count = comparison->one_sided_count = 0;
    enum err err = OK;
    if (cancelled == comparison->there)
        err = judge_jid(pg, errand, cancelled ? DIFFERENCE_RISEN : DIFFERENCE_VANISHED);
    else if (!cancelled && comparison->read) {
        err = judge_pairs(pg, errand);
        if (err == OK)
            err = judge_left_overs(pg, errand);
    }
    comparison->drift = 0;
    for (int kind = 0; kind < DIFFERENCE_KINDS; kind++)
        comparison->drift += comparison->counts[kind];
    return err;
}

/* Whether it may have come from the peer: a contact that is there without being `both`, as a contact's removal leaves
 * it on the other side, or that went with its JID. */
static bool is_peers_doing(const struct comparison *comparison, const struct drifted_pair *pair)
{
    return pair->kind == DIFFERENCE_SUBSCRIPTION ||
           (pair->kind == DIFFERENCE_MISSING && comparison->peer_sights[pair->index] == PEER_GONE);
}

/* Who has drifted: the account itself, if anything is wrong that no peer can have done to it; else one of those peers,
 * or it after all: who was found to have done such a thing did this, too. So whoever ends many bindings in his client,
 * deletes his own JID, or asks for a subscription where his binding ended, of clients that grant it to anybody, counts
 * as one, and cannot put the brake on by what that does to others. */
static struct drifted find_drifted(struct errand *errand)
{
    const struct comparison *comparison = errand->comparison;
    const int64_t *counts = comparison->counts;
    const size_t one_sided = comparison->one_sided_count;
    int64_t *who = arena_array(errand->arena, comparison->pair_count + one_sided + 1, sizeof *who);
    size_t count = 0;
    bool own = counts[DIFFERENCE_VANISHED] + counts[DIFFERENCE_RISEN] > 0 || comparison->left_over_count > one_sided;
    for (size_t i = 0; i < one_sided; i++)
        who[count++] = comparison->left_overs[i];
    for (size_t i = 0; i < comparison->pair_count; i++) {
        const struct drifted_pair *pair = &comparison->pairs[i];
        if (is_peers_doing(comparison, pair))
            who[count++] = peer_of(comparison, pair)->account.id;
        else
            own = own || pair->kind == DIFFERENCE_MISSING;
    }
    count = own ? 0 : count;
    who[count++] = errand->account.id;
    return (struct drifted){.arena = errand->arena, .accounts = who, .count = count};
}

/* Names alone are no sign of a wrong server. */
static enum err weigh(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    if (comparison->drift == comparison->counts[DIFFERENCE_NAME])
        return brake_get(pg, &comparison->brake);
    const struct drifted drifted = find_drifted(errand);
    return brake_note(pg, &drifted, &errand->config->reconcile.brake, &comparison->brake);
}

/* --- the JID */

static enum err mend_jid(struct pg *pg, struct errand *errand)
{
    const struct comparison *comparison = errand->comparison;
    const int64_t id = errand->account.id;
    const bool held = comparison->brake == BRAKE_ON;
    if (comparison->counts[DIFFERENCE_RISEN] > 0)
        return held ? OK : drift_wish_jid_away(pg, id);
    if (comparison->counts[DIFFERENCE_VANISHED] == 0)
        return OK;
    const enum err err = accounts_jid_checked(pg, id, JID_VANISHED);
    if (err == ERR_NOT_FOUND) /* cancelled meanwhile */
        return OK;
    return err == OK && !held ? outbox_add(pg, OUTBOX_CHECK_JID, id, NULL) : err;
}

/* --- pairs as their users have made them */

static bool same_name(const struct roster_item *a, const struct roster_item *b)
{
    return strcmp(a->name, b->name) == 0;
}

static bool fits(const struct roster_item *item)
{
    bool fits = item->group_count <= ROSTER_GROUPS_MAX && (item->name[0] == '\0' || roster_name_fits(item->name));
    for (size_t i = 0; i < item->group_count; i++)
        fits = fits && roster_name_fits(item->groups[i]);
    return fits;
}

/* What its user changed since it was seen last is how he wants it; else it is we who want another name. */
static enum err take_over(struct pg *pg, struct errand *errand, const struct drifted_pair *pair, bool *taken_r)
{
    const struct expected_peer *peer = peer_of(errand->comparison, pair);
    const struct roster_item before = {
        .name = peer->seen.nickname, .groups = peer->seen.groups, .group_count = peer->seen.group_count};
    const struct rename rename = {.sets_nickname = !same_name(pair->seen, &before),
                                  .sets_groups = !roster_same_groups(pair->seen, &before),
                                  .to = {.nickname = pair->seen->name,
                                         .has_groups = true,
                                         .groups = pair->seen->groups,
                                         .group_count = pair->seen->group_count}};
    *taken_r = (rename.sets_nickname || rename.sets_groups) && fits(pair->seen);
    const struct compared_pair held = compared(peer);
    return *taken_r ? drift_take_over(pg, errand->arena, errand->account.id, &held, &rename) : OK;
}

/* --- pairs */

/* Pairs whose wish is made anew, and whose binding ends. */
struct wishes {
    struct compared_pair *again, *ended;
    size_t again_count, ended_count;
};

/* The user's own doing stands; a peer without a JID gets one, and its roster back with it. */
static enum err follow(struct pg *pg, struct errand *errand, const struct drifted_pair *pair, struct wishes *wishes)
{
    const struct comparison *comparison = errand->comparison;
    const struct expected_peer *peer = peer_of(comparison, pair);
    bool taken = false;
    enum err err = OK;
    if (comparison_is_removal(pair->kind)) {
        const enum peer_sight sight = comparison->peer_sights[pair->index];
        if (sight == PEER_THERE)
            wishes->ended[wishes->ended_count++] = compared(peer);
        return sight == PEER_GONE ? comparisons_wish(pg, peer->account.id) : OK;
    }
    err = take_over(pg, errand, pair, &taken);
    if (err == OK && !taken)
        wishes->again[wishes->again_count++] = compared(peer);
    return err;
}

/* While the brake is let go, what is mended is a server's loss. */
static enum err sort_pairs(struct pg *pg, struct errand *errand, struct wishes *wishes)
{
    const struct comparison *comparison = errand->comparison;
    const bool follows = comparison_may_follow(errand) && comparison->brake == BRAKE_OFF;
    wishes->again = arena_array(errand->arena, comparison->pair_count, sizeof *wishes->again);
    wishes->ended = arena_array(errand->arena, comparison->pair_count, sizeof *wishes->ended);
    enum err err = OK;
    for (size_t i = 0; i < comparison->pair_count && err == OK; i++) {
        if (follows)
            err = follow(pg, errand, &comparison->pairs[i], wishes);
        else
            wishes->again[wishes->again_count++] = compared(peer_of(comparison, &comparison->pairs[i]));
    }
    return err;
}

static enum err mend_pairs(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    struct wishes wishes = {0};
    const int64_t id = errand->account.id;
    int64_t again = 0, ended = 0;
    enum err err = sort_pairs(pg, errand, &wishes);
    if (err == OK)
        err = drift_wish_pairs(pg, errand->arena, id, wishes.again, wishes.again_count, true, &again);
    if (err == OK)
        err = drift_wish_pairs(pg, errand->arena, id, wishes.ended, wishes.ended_count, false, &ended);
    if (err == OK)
        err = drift_wish_removals(pg, errand->arena, id, comparison->left_overs, comparison->left_over_count);
    if (err == OK && ended > 0)
        log_info("bindings_ended_by_user", F("account", id), F("count", ended));
    return err;
}

/* What is not in the roster is not shown as if it were. */
static enum err note_missing(struct pg *pg, struct errand *errand)
{
    const struct comparison *comparison = errand->comparison;
    int64_t *peers = arena_array(errand->arena, comparison->pair_count, sizeof *peers);
    size_t count = 0;
    for (size_t i = 0; i < comparison->pair_count; i++)
        if (comparison->pairs[i].kind == DIFFERENCE_MISSING)
            peers[count++] = peer_of(comparison, &comparison->pairs[i])->account.id;
    return drift_saw_missing(pg, errand->arena, errand->account.id, peers, count);
}

static enum err mend_in_transaction(struct pg *pg, struct errand *errand)
{
    enum err err = pg_begin(pg);
    if (err == OK)
        err = mend_jid(pg, errand);
    if (err == OK && errand->comparison->brake != BRAKE_ON)
        err = mend_pairs(pg, errand);
    if (err == OK)
        err = note_missing(pg, errand);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

/* Of a JID that is not as it should be, and that somebody is at, nothing can be said. */
static bool is_known(const struct errand *errand)
{
    return errand->comparison->there == (errand->account.state == ACCOUNT_ACTIVE);
}

enum err comparison_mend(struct pg *pg, struct errand *errand)
{
    struct comparison *comparison = errand->comparison;
    enum err err = judge(pg, errand);
    comparison->outcome = is_known(errand) ? OUTCOME_SAME : OUTCOME_NONE;
    if (comparison->there && !comparison->read)
        comparison->outcome = OUTCOME_UNREAD;
    if (err != OK || comparison->drift == 0)
        return err;
    err = weigh(pg, errand);
    comparison->outcome = comparison->brake == BRAKE_ON ? OUTCOME_HELD : OUTCOME_MENDED;
    return err == OK ? mend_in_transaction(pg, errand) : err;
}
