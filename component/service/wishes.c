#include "component/service/wishes.h"

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/pg.h"
#include "sql/taking.h"

enum { TRIES = 3 };

static enum err take_ticket(struct call *call, const struct wishes *wishes)
{
    const int64_t wait_ms = call->services->settings.binding_wait_ms;
    ticket_drop(call); /* of an earlier try */
    if (wait_ms == 0 || wishes->asks || wishes->count == 0)
        return OK;
    uint64_t *keys = arena_array(call->arena, wishes->count, sizeof *keys);
    for (size_t i = 0; i < wishes->count; i++)
        keys[i] = WAIT_KEY(WAIT_WISH, wishes->made[i].version);
    const enum err err = ticket_take(call->services->runtime.waiters, call, keys, wishes->count, clock_ms() + wait_ms);
    return err == ERR_BUSY ? OK : err; /* then it is answered as pending at once */
}

static enum err try_to_commit(struct call *call, struct worker *worker,
                              enum err (*make)(struct call *call, struct worker *worker))
{
    const struct wishes *wishes = call->io;
    enum err err = ERR_BUSY;
    for (int try = 0; err == ERR_BUSY && try < TRIES;
         try++) { /* two lists that cross may deadlock; Postgres fails one */
        if ((err = pg_begin(worker->pg)) != OK)
            return err;
        taking_clear(wishes->taking); /* of an earlier try */
        err = make(call, worker);
        if (err == OK)
            err = take_ticket(call, call->io);
        if (err == OK)
            err = pg_commit(worker->pg);
        else
            pg_rollback(worker->pg);
    }
    return err;
}

enum err wishes_commit(struct call *call, struct worker *worker, size_t most,
                       enum err (*make)(struct call *call, struct worker *worker))
{
    const struct services *services = call->services;
    struct wishes *wishes = call->io;
    wishes->taking = services->pairs_begin(services->wishes_arg, most);
    const enum err err = try_to_commit(call, worker, make);
    if (err != OK && wishes->taking != NULL) {
        services->pairs_end(services->wishes_arg, wishes->taking, err);
        wishes->taking = NULL;
    }
    return err;
}

void wishes_tell(struct call *call)
{
    const struct services *services = call->services;
    struct wishes *wishes = call->io;
    call->settled = true;
    if (wishes->asks || wishes->taking == NULL || wishes->taking->count < wishes->count)
        services->wishes_made(services->wishes_arg);
    if (wishes->taking != NULL)
        services->pairs_end(services->wishes_arg, wishes->taking, OK);
    wishes->taking = NULL;
}

enum err wishes_want(struct call *call, struct worker *worker, int64_t asker, const int64_t *peers, size_t count,
                     bool agreed)
{
    struct wishes *wishes = call->io;
    const struct want_terms terms = {
        .agreed = agreed, .most = call->services->settings.bindings_per_account, .taking = wishes->taking};
    const enum err err =
        bindings_want(worker->pg, call->arena, asker, peers, count, &terms, &wishes->made, &wishes->count);
    return err == ERR_NOT_FOUND ? ERR_NO_SUCH_NAME : err == ERR_LIMITED ? ERR_FULL : err;
}

enum err wishes_look(struct call *call, struct worker *worker)
{
    struct wishes *wishes = call->io;
    size_t seen = 0;
    enum err err = OK;
    if (wishes->count > 0 && !wishes->asks)
        err = bindings_count_seen(worker->pg, call->arena, wishes->made, wishes->count, &seen);
    wishes->seen = err == OK && !wishes->asks && seen == wishes->count;
    return err;
}
