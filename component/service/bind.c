#include "component/service/bind.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/pg.h"

enum { TRIES = 3 };

/* --- who asks */

static enum err check_here(struct call *call, struct credential *credential)
{
    enum err err;
    return tokens_check_here(call->services, credential, &err) ? err : OK;
}

static bool is_called(const struct account *account, const struct name_list *list)
{
    const struct account_name *name = &list->names[0];
    const char *own = account->type == ACCOUNT_PHONE ? name->phone : name->plain;
    return (list->type == ACCOUNT_ANY || list->type == account->type) && own != NULL && account->name != NULL &&
           strcmp(own, account->name) == 0;
}

/* The token's owner, provided that he acts under his own name. */
static enum err find_owner(struct call *call, struct worker *worker, int64_t account_id, const struct name_list *name,
                           struct account **asker_r)
{
    struct account **found, *own = arena_alloc(call->arena, sizeof *own);
    enum err err = accounts_get(worker->pg, call->arena, account_id, own);
    if (err != OK)
        return err;
    *asker_r = own;
    if (is_called(own, name))
        return OK;
    err = names_find(worker, call->arena, name, &found);
    if (err != OK && err != ERR_INVALID)
        return err;
    return err == OK && found[0] == NULL ? ERR_NO_SUCH_NAME : ERR_FORBIDDEN;
}

/* The type that is given is that of the targets; it decides about the asker, too, where two types share his name. */
static enum err find_for_backend(struct call *call, struct worker *worker, const struct name_list *name,
                                 enum account_type type, struct account ***found_r)
{
    const enum err err = names_find(worker, call->arena, name, found_r);
    struct name_list typed = *name;
    typed.type = type;
    return err == ERR_INVALID && type != ACCOUNT_ANY ? names_find(worker, call->arena, &typed, found_r) : err;
}

/* The account that acts: the one named, which must be the token's own unless a backend asks. `targets`: whom the call
 * looks up besides. */
static enum err find_asker(struct call *call, struct worker *worker, struct credential *credential,
                           const struct name_list *name, const struct name_list *targets, struct account **asker_r)
{
    struct account **found;
    enum err err = tokens_check(call->services, worker, credential);
    if (err != OK)
        return err;
    err = lookups_limit(call, worker, credential, 1 + targets->count);
    if (err != OK && err != ERR_CACHE_DOWN) /* without Redis bindings go on, uncounted */
        return err;
    if (credential->account_id != 0) {
        err = find_owner(call, worker, credential->account_id, name, asker_r);
    } else {
        err = find_for_backend(call, worker, name, targets->type, &found);
        *asker_r = err == OK ? found[0] : NULL;
        if (err == OK && *asker_r == NULL)
            err = ERR_NO_SUCH_NAME;
    }
    if (err == OK && (*asker_r)->banned)
        err = ERR_FORBIDDEN;
    if (err == OK && (*asker_r)->state != ACCOUNT_ACTIVE)
        err = ERR_JID_PENDING;
    return err;
}

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
static enum err check_list(struct call *call, struct bind_io *io, const struct account *asker, bool bind)
{
    enum err first = OK;
    size_t *failed = arena_array(call->arena, io->list.count, sizeof *failed);
    for (size_t i = 0; i < io->list.count; i++) {
        enum err err = fitness(asker, io->targets[i], bind);
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

/* The names whose wish changed nothing. */
static void note_unchanged(struct call *call, struct bind_io *io)
{
    size_t *failed = arena_array(call->arena, io->list.count, sizeof *failed);
    io->failed_count = 0;
    for (size_t i = 0; i < io->list.count; i++) {
        bool changed = false;
        for (size_t w = 0; w < io->wish_count; w++)
            changed |= io->wishes[w].low == io->targets[i]->id || io->wishes[w].high == io->targets[i]->id;
        if (!changed)
            failed[io->failed_count++] = i;
    }
    io->failed = failed;
}

/* --- the wish */

static enum err take_ticket(struct call *call, const struct bind_io *io)
{
    const int64_t wait_ms = call->services->settings.binding_wait_ms;
    if (wait_ms == 0)
        return OK;
    uint64_t *keys = arena_array(call->arena, io->wish_count, sizeof *keys);
    for (size_t i = 0; i < io->wish_count; i++)
        keys[i] = WAIT_KEY(WAIT_WISH, io->wishes[i].version);
    ticket_drop(call); /* of an earlier try */
    const enum err err = ticket_take(call->services->runtime.waiters, call, keys, io->wish_count, clock_ms() + wait_ms);
    return err == ERR_BUSY ? OK : err; /* then it is answered as pending at once */
}

static enum err want(struct call *call, struct worker *worker, int64_t asker, const int64_t *ids)
{
    struct bind_io *io = call->io;
    const enum err err = bindings_want(worker->pg, call->arena, asker, ids, io->list.count,
                                       call->services->settings.bindings_per_account, &io->wishes, &io->wish_count);
    return err == ERR_NOT_FOUND ? ERR_NO_SUCH_NAME : err; /* one was cancelled meanwhile */
}

static enum err wish(struct call *call, struct worker *worker, const struct account *asker, bool bind)
{
    struct bind_io *io = call->io;
    const size_t count = io->list.count;
    int64_t *ids = arena_array(call->arena, count, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = io->targets[i]->id;
    enum err err = bind ? want(call, worker, asker->id, ids)
                        : bindings_unwant(worker->pg, call->arena, asker->id, ids, count, &io->wishes, &io->wish_count);
    if (err == OK && io->wish_count < count) {
        note_unchanged(call, io);
        err = bind ? ERR_BOUND : ERR_NOT_BOUND;
    }
    return err == OK ? take_ticket(call, io) : err;
}

static enum err commit_wish(struct call *call, struct worker *worker, const struct account *asker, bool bind)
{
    const struct bind_io *io = call->io;
    enum err err = ERR_BUSY;
    for (int try = 0; err == ERR_BUSY && try < TRIES;
         try++) { /* two lists that cross may deadlock; Postgres fails one */
        if ((err = pg_begin(worker->pg)) != OK)
            return err;
        err = wish(call, worker, asker, bind);
        FAILPOINT(bind ? "bind.before_commit" : "unbind.before_commit");
        if (err == OK)
            err = pg_commit(worker->pg);
        else
            pg_rollback(worker->pg);
    }
    if (err != OK)
        return err;
    FAILPOINT(bind ? "bind.committed" : "unbind.committed");
    call->settled = true;
    call->services->wishes_made(call->services->wishes_arg);
    log_info(bind ? "binding_wished" : "unbinding_wished", F("account", asker->id), F("count", io->wish_count));
    return OK;
}

static enum err change(struct call *call, struct worker *worker, bool bind)
{
    struct bind_io *io = call->io;
    struct account *asker = NULL;
    enum err err = find_asker(call, worker, &io->credential, &io->asker, &io->list, &asker);
    if (err == OK)
        err = names_find(worker, call->arena, &io->list, &io->targets);
    if (err == OK)
        err = check_list(call, io, asker, bind);
    if (err == OK)
        err = commit_wish(call, worker, asker, bind);
    return err;
}

/* --- the operations' steps */

static enum err bind_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct bind_io *io = call->io;
    return check_here(call, &io->credential);
}

static enum err bind_wish(struct call *call, struct worker *worker)
{
    return change(call, worker, true);
}

static enum err unbind_wish(struct call *call, struct worker *worker)
{
    return change(call, worker, false);
}

static enum err look(struct call *call, struct worker *worker)
{
    struct bind_io *io = call->io;
    size_t seen = 0;
    const enum err err = bindings_count_seen(worker->pg, call->arena, io->wishes, io->wish_count, &seen);
    io->seen = err == OK && seen == io->wish_count;
    return err;
}

const struct op op_bind = {"bind", {{ON_CALLER, bind_here}, {ON_DB, bind_wish}, {ON_WAIT, NULL}, {ON_DB, look}}};
const struct op op_unbind = {"unbind", {{ON_CALLER, bind_here}, {ON_DB, unbind_wish}, {ON_WAIT, NULL}, {ON_DB, look}}};

static enum err list_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct bound_io *io = call->io;
    return check_here(call, &io->credential);
}

static enum err list(struct call *call, struct worker *worker)
{
    struct bound_io *io = call->io;
    struct account *asker = NULL;
    static const struct name_list nobody;
    const enum err err = find_asker(call, worker, &io->credential, &io->asker, &nobody, &asker);
    return err == OK ? bindings_list(worker->pg, call->arena, asker->id, &io->peers, &io->count) : err;
}

const struct op op_list_bound = {"list_bound", {{ON_CALLER, list_here}, {ON_DB, list}}};
