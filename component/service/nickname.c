/* 000's modify_information (phone.h): a nickname reaches the rosters of those bound to the account, by the outbox. */
#include "component/base/log.h"
#include "component/service/app_session.h"
#include "component/service/phone.h"
#include "component/service/services.h"
#include "sql/bindings.h"
#include "sql/pg.h"

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

static enum err set_nickname(struct call *call, struct worker *worker)
{
    const struct nickname_io *io = call->io;
    int64_t owner = 0;
    enum err err = app_session_check(worker, SESSION_000, io->session, 0, &owner);
    if (err != OK)
        return err;
    if (owner != io->account_id)
        return ERR_FORBIDDEN;
    return commit(call, worker, owner, io->nickname);
}

const struct op op_set_nickname = {"set_nickname", {{ON_DB, set_nickname}}};
