#include "component/service/rename.h"

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/service/acting.h"
#include "component/service/roster_items.h"
#include "sql/binding_names.h"

static enum err rename_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct rename_io *io = call->io;
    if (io->nickname[0] != '\0' && !roster_name_fits(io->nickname))
        return ERR_INVALID;
    return acting_check_here(call, &io->credential);
}

static enum err make_wish(struct call *call, struct worker *worker)
{
    struct rename_io *io = call->io;
    const struct rename rename = {.sets_nickname = true, .to.nickname = io->nickname[0] != '\0' ? io->nickname : NULL};
    const int64_t own = io->account->id, other = io->peer->id;
    struct wish *wish = arena_alloc(call->arena, sizeof *wish);
    *wish = (struct wish){.low = own < other ? own : other, .high = own < other ? other : own};
    const enum err err = binding_names_set(worker->pg, call->arena, own, other, &rename, &wish->version);
    io->wishes.made = wish;
    io->wishes.count = 1;
    return err;
}

static enum err change(struct call *call, struct worker *worker)
{
    struct rename_io *io = call->io;
    const struct name_list list = {.jids = &io->jid_local, .count = 1};
    struct account **found;
    enum err err = acting_find_with(call, worker, &io->credential, NULL, &list, &io->account, &found);
    if (err == OK && (io->peer = found[0]) == NULL)
        err = ERR_NOT_BOUND;
    if (err == OK)
        err = wishes_commit(call, worker, 0, make_wish);
    if (err != OK)
        return err;
    wishes_tell(call);
    log_info("binding_renamed", F("account", io->account->id), F("peer", io->peer->id));
    return OK;
}

const struct op op_rename = {"rename",
                             {{ON_CALLER, rename_here}, {ON_DB, change}, {ON_WAIT, NULL}, {ON_DB, wishes_look}}};
