#include "component/service/bind.h"

#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/service/acting.h"
#include "component/service/consent.h"
#include "sql/asks.h"

enum { LOOKS = 3 };

/* --- the list */

static enum err fitness(const struct account *asker, const struct account *target, bool bind)
{
    if (target == NULL)
        return ERR_NO_SUCH_NAME;
    if (target->id == asker->id)
        return ERR_INVALID;
    if (!bind)
        return OK;
    if (target->state != ACCOUNT_ACTIVE)
        return ERR_JID_PENDING;
    if (target->jid_state == JID_VANISHED)
        return ERR_JID_NONE;
    if (target->banned || target->consent == CONSENT_REFUSE)
        return ERR_REFUSED;
    return OK;
}

static bool named_before(struct account *const *targets, size_t position)
{
    for (size_t i = 0; i < position; i++)
        if (targets[i] != NULL && targets[i]->id == targets[position]->id)
            return true;
    return false;
}

/* Notes every name that fails; the first one's error comes out. */
static enum err check_list(struct call *call, struct bind_io *io, bool bind)
{
    enum err first = OK;
    size_t *failed = arena_array(call->arena, io->list.count, sizeof *failed);
    for (size_t i = 0; i < io->list.count; i++) {
        enum err err = fitness(io->account, io->targets[i], bind);
        if (err == OK && named_before(io->targets, i))
            err = ERR_INVALID;
        if (err == OK)
            continue;
        failed[io->failed_count++] = i;
        if (first == OK)
            first = err;
    }
    io->failed = failed;
    return first;
}

/* Who acts, and on whom. */
static enum err find_all(struct call *call, struct worker *worker, struct bind_io *io, bool bind)
{
    const enum err err =
        acting_find_with(call, worker, &io->credential, &io->asker, &io->list, &io->account, &io->targets);
    return err == OK ? check_list(call, io, bind) : err;
}

/* Whether all is `done`; else the names that are not are noted. */
static bool all_done(struct call *call, struct bind_io *io, const bool *done)
{
    size_t *failed = arena_array(call->arena, io->list.count, sizeof *failed);
    io->failed_count = 0;
    for (size_t i = 0; i < io->list.count; i++)
        if (!done[i])
            failed[io->failed_count++] = i;
    io->failed = failed;
    return io->failed_count == 0;
}

static bool is_wished(const struct bind_io *io, int64_t id)
{
    for (size_t i = 0; i < io->wishes.count; i++)
        if (io->wishes.made[i].low == id || io->wishes.made[i].high == id)
            return true;
    return false;
}

/* The targets, then the asker. */
static int64_t *ids_of(struct call *call, const struct bind_io *io)
{
    int64_t *ids = arena_array(call->arena, io->list.count + 1, sizeof *ids);
    for (size_t i = 0; i < io->list.count; i++)
        ids[i] = io->targets[i]->id;
    ids[io->list.count] = io->account->id;
    return ids;
}

/* --- binding */

/* ERR_REFUSED: somebody said no when he was asked. */
static enum err note_refusals(struct call *call, struct bind_io *io, const struct consent_list *consent)
{
    bool *agrees = arena_array(call->arena, consent->count, sizeof *agrees);
    for (size_t i = 0; i < consent->count; i++)
        agrees[i] = consent->ways[i] != CONSENT_SAYS_NO;
    return all_done(call, io, agrees) ? OK : ERR_REFUSED;
}

/* ERR_BOUND: somebody is bound already, whether he would have to be asked or not. */
static enum err note_bound(struct call *call, struct worker *worker, struct bind_io *io)
{
    const size_t count = io->list.count;
    bool *fresh = arena_array(call->arena, count, sizeof *fresh);
    if (io->wishes.count == count)
        return OK;
    const enum err err = bindings_find(worker->pg, call->arena, io->account->id, ids_of(call, io), count, fresh);
    for (size_t i = 0; i < count; i++)
        fresh[i] = !fresh[i] || is_wished(io, io->targets[i]->id);
    return err != OK || all_done(call, io, fresh) ? err : ERR_BOUND;
}

static struct consent_list consent_of(const struct bind_io *io)
{
    return (struct consent_list){
        .asker = io->account->id, .targets = io->targets, .count = io->list.count, .counted = io->asks_counted};
}

/* All of them accept; but one may have said no to this asker before, or closed his door since he was looked at: then no
 * name is noted. ERR_CONFLICT: one wishes to be asked by now. */
static enum err bind_all(struct call *call, struct worker *worker, struct consent_list *consent)
{
    struct bind_io *io = call->io;
    enum err err = wishes_want(call, worker, consent->asker, ids_of(call, io), consent->count, false);
    if (err == OK)
        return note_bound(call, worker, io);
    if (err != ERR_REFUSED)
        return err;
    err = consent_find(call, worker, consent, false);
    if (err == OK)
        err = note_refusals(call, io, consent);
    return err == OK ? ERR_REFUSED : err;
}

/* With the accounts held: ERR_CONFLICT when one of them says something else than when it was looked at. */
static enum err check_unchanged(struct call *call, struct worker *worker, const struct consent_list *consent)
{
    const struct bind_io *io = call->io;
    enum consent *now = arena_array(call->arena, consent->count, sizeof *now);
    enum err err = accounts_consents(worker->pg, call->arena, ids_of(call, io), consent->count, now);
    for (size_t i = 0; err == OK && i < consent->count; i++)
        if (now[i] != consent->targets[i]->consent)
            err = ERR_CONFLICT;
    return err;
}

/* Those who have to be asked are, the others are bound. */
static enum err bind_or_ask(struct call *call, struct worker *worker, struct consent_list *consent)
{
    struct bind_io *io = call->io;
    size_t count = 0;
    enum err err = accounts_hold(worker->pg, call->arena, ids_of(call, io), io->list.count + 1);
    if (err == OK)
        err = check_unchanged(call, worker, consent);
    if (err == OK)
        err = consent_find(call, worker, consent, true);
    if (err == OK)
        err = note_refusals(call, io, consent);
    if (err != OK)
        return err == ERR_NOT_FOUND ? ERR_NO_SUCH_NAME : err;
    const int64_t *ids = consent_pick(call, consent, CONSENT_BINDS, &count);
    io->wishes.asks = count < consent->count;
    if (count > 0)
        err = wishes_want(call, worker, consent->asker, ids, count, true);
    if (err == OK)
        err = note_bound(call, worker, io);
    return err == OK ? consent_ask(call, worker, consent) : err;
}

static enum err make_bindings(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    struct consent_list consent = consent_of(io);
    io->wishes = (struct wishes){.taking = io->wishes.taking}; /* of an earlier try */
    const enum err err =
        consent_is_needed(&consent) ? bind_or_ask(call, worker, &consent) : bind_all(call, worker, &consent);
    FAILPOINT("bind.before_commit");
    return err;
}

static enum err look_and_bind(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    struct consent_list consent;
    enum err err = find_all(call, worker, io, true);
    if (err == OK) {
        consent = consent_of(io);
        err = consent_limit(call, worker, &consent);
        io->asks_counted = consent.counted;
    }
    if (err == OK)
        err = wishes_commit(call, worker, io->list.count, make_bindings);
    return err;
}

/* Who changes what he says between the look and the commit is looked at again. */
static enum err bind_wish(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    enum err err = ERR_CONFLICT;
    for (int look = 0; err == ERR_CONFLICT && look < LOOKS; look++)
        err = look_and_bind(call, worker);
    if (err != OK)
        return err == ERR_CONFLICT ? ERR_BUSY : err;
    FAILPOINT("bind.committed");
    wishes_tell(call);
    log_info("binding_wished", F("account", io->account->id), F("count", io->wishes.count),
             F("asked", io->list.count - io->wishes.count));
    return OK;
}

/* --- unbinding */

/* Where nothing was bound, something may have been asked. */
static enum err end_bindings(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    const size_t count = io->list.count;
    const int64_t *ids = ids_of(call, io);
    bool *done = arena_array(call->arena, count, sizeof *done);
    enum err err = bindings_unwant(worker->pg, call->arena, io->account->id, ids, count, io->wishes.taking,
                                   &io->wishes.made, &io->wishes.count);
    if (err == OK && io->wishes.count < count) {
        err = asks_withdraw(worker->pg, call->arena, io->account->id, ids, count, done);
        for (size_t i = 0; i < count; i++)
            done[i] = done[i] || is_wished(io, ids[i]);
        if (err == OK && !all_done(call, io, done))
            err = ERR_NOT_BOUND;
    }
    FAILPOINT("unbind.before_commit");
    return err;
}

static enum err unbind_wish(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    enum err err = find_all(call, worker, io, false);
    if (err == OK)
        err = wishes_commit(call, worker, io->list.count, end_bindings);
    if (err != OK)
        return err;
    FAILPOINT("unbind.committed");
    wishes_tell(call);
    log_info("unbinding_wished", F("account", io->account->id), F("count", io->wishes.count));
    return OK;
}

/* --- the operations' steps */

static enum err bind_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct bind_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

const struct op op_bind = {"bind", {{ON_CALLER, bind_here}, {ON_DB, bind_wish}, {ON_WAIT, NULL}, {ON_DB, wishes_look}}};
const struct op op_unbind = {"unbind",
                             {{ON_CALLER, bind_here}, {ON_DB, unbind_wish}, {ON_WAIT, NULL}, {ON_DB, wishes_look}}};

static enum err list_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct bound_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

static enum err list(struct call *call, struct worker *worker)
{
    struct bound_io *io = call->io;
    struct account *asker = NULL;
    const enum err err = acting_find(call, worker, &io->credential, &io->asker, &asker);
    return err == OK ? bindings_list(worker->pg, call->arena, asker->id, &io->peers, &io->count) : err;
}

const struct op op_list_bound = {"list_bound", {{ON_CALLER, list_here}, {ON_DB, list}}};
