/* 000's modify_information (phone.h): a nickname reaches the rosters of those bound to the account, by the outbox. */
#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/cache/limits.h"
#include "component/service/app_session.h"
#include "component/service/names.h"
#include "component/service/phone.h"
#include "component/service/services.h"
#include "sql/bindings.h"
#include "sql/pg.h"

enum { HOUR_MS = 3600000 };

static enum err commit(struct call *call, struct worker *worker, int64_t account_id, const char *nickname)
{
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = accounts_set_nickname(worker->pg, account_id, nickname);
    if (err == OK)
        err = bindings_reaffirm_all(worker->pg, account_id);
    if (err == OK)
        err = pg_commit(worker->pg);
    else
        pg_rollback(worker->pg);
    if (err == OK)
        call->services->wishes_made(call->services->wishes_arg);
    return err;
}

/* Each change writes to the rosters of all that are bound to the account. */
static enum err limit_changes(struct call *call, struct worker *worker, int64_t account_id)
{
    const char *who = arena_printf(call->arena, "%" PRId64, account_id);
    const struct limit limit = LIMIT("nickname.account", who, call->services->settings.nicknames_per_hour, HOUR_MS);
    return services_limit(call, worker, &limit, 1);
}

static enum err change(struct call *call, struct worker *worker, int64_t account_id, const char *nickname)
{
    struct account account;
    enum err err = accounts_get(worker->pg, call->arena, account_id, &account);
    if (err != OK || strcmp(account.nickname, nickname) == 0)
        return err;
    err = limit_changes(call, worker, account_id);
    return err == OK ? commit(call, worker, account_id, nickname) : err;
}

static enum err set_nickname(struct call *call, struct worker *worker)
{
    const struct nickname_io *io = call->io;
    int64_t owner = 0;
    const enum err err = app_session_check(worker, SESSION_000, io->session, 0, &owner);
    if (err != OK)
        return err;
    if (owner != io->account_id)
        return ERR_FORBIDDEN;
    return nickname_fits(io->nickname) ? change(call, worker, owner, io->nickname) : ERR_INVALID;
}

const struct op op_set_nickname = {"set_nickname", {{ON_DB, set_nickname}}};
