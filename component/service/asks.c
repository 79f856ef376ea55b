#include "component/service/asks.h"

#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/service/acting.h"
#include "component/service/services.h"

static enum err list_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct asks_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

static enum err list(struct call *call, struct worker *worker)
{
    struct asks_io *io = call->io;
    struct account *account = NULL;
    const enum err err = acting_find(call, worker, &io->credential, NULL, &account);
    return err == OK ? asks_list(worker->pg, call->arena, account->id, ASKS_MAX, &io->asks, &io->count) : err;
}

const struct op op_list_asks = {"list_asks", {{ON_CALLER, list_here}, {ON_DB, list}}};

/* --- answering */

static enum err answer_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct answer_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

/* Somebody else's ask is as none. */
static enum err find(struct call *call, struct worker *worker, struct answer_io *io)
{
    struct ask ask;
    enum err err = acting_find(call, worker, &io->credential, NULL, &io->account);
    if (err == OK)
        err = asks_get(worker->pg, io->ask_id, false, &ask);
    if (err == OK && ask.asked != io->account->id)
        err = ERR_NOT_FOUND;
    return err == OK ? accounts_get(worker->pg, call->arena, ask.asker, &io->peer) : err;
}

/* The ask is gone: what became of it? */
static enum err find_bound(struct call *call, struct worker *worker, const struct answer_io *io)
{
    bool bound = false;
    const enum err err = bindings_find(worker->pg, call->arena, io->account->id, &io->peer.id, 1, &bound);
    return err != OK ? err : bound ? ERR_BOUND : ERR_NOT_FOUND;
}

static enum err make_binding(struct call *call, struct worker *worker)
{
    struct answer_io *io = call->io;
    struct ask ask;
    const int64_t both[] = {io->peer.id, io->account->id};
    enum err err = accounts_hold(worker->pg, call->arena, both, 2); /* accounts before asks, as a cancel locks them */
    if (err == OK && (err = asks_get(worker->pg, io->ask_id, true, &ask)) == ERR_NOT_FOUND)
        err = find_bound(call, worker, io);
    if (err == OK)
        err = wishes_want(call, worker, io->peer.id, &io->account->id, 1, true);
    if (err == OK && io->wishes.count == 0)
        err = ERR_BOUND;
    FAILPOINT("answer.before_commit");
    return err;
}

static enum err refuse(struct call *call, struct worker *worker, const struct answer_io *io)
{
    enum err err = asks_refuse(worker->pg, io->ask_id, call->services->settings.refusal_lifetime_ms);
    if (err == ERR_NOT_FOUND)
        err = find_bound(call, worker, io);
    if (err != OK)
        return err;
    log_info("ask_refused", F("account", io->account->id), F("asker", io->peer.id));
    call_done(call);
    return OK;
}

static enum err answer(struct call *call, struct worker *worker)
{
    struct answer_io *io = call->io;
    enum err err = find(call, worker, io);
    if (err == OK && !io->accept)
        return refuse(call, worker, io);
    if (err == OK && io->peer.banned)
        err = ERR_REFUSED;
    if (err == OK)
        err = wishes_commit(call, worker, 1, make_binding);
    if (err != OK)
        return err;
    FAILPOINT("answer.committed");
    wishes_tell(call);
    log_info("ask_accepted", F("account", io->account->id), F("asker", io->peer.id));
    return OK;
}

const struct op op_answer_ask = {"answer_ask",
                                 {{ON_CALLER, answer_here}, {ON_DB, answer}, {ON_WAIT, NULL}, {ON_DB, wishes_look}}};
