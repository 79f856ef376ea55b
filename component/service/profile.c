#include "component/service/profile.h"

#include <inttypes.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/cache/limits.h"
#include "component/service/app_session.h"
#include "component/service/services.h"

enum { RECOMMENDED_BY_A_DAY = 20, DAY_MS = 86400000 };

static enum err check_sec(struct worker *worker, const struct profile_io *io)
{
    int64_t owner;
    return app_session_check(worker, SESSION_002, io->sec, io->account_id, &owner);
}

static const char *context_of(struct call *call, const struct profile_io *io)
{
    return arena_printf(call->arena, "identity:%" PRId64, io->account_id);
}

static enum err look(struct call *call, struct worker *worker)
{
    struct profile_io *io = call->io;
    const enum err err = check_sec(worker, io);
    return err == OK ? profiles_exists(worker->pg, io->account_id, &io->filled_in) : err;
}

const struct op op_profile_filled_in = {"profile_filled_in", {{ON_DB, look}}};

/* getUserInfo answers with the phone of who was recommended by, whatever uid was given: not for many a day. */
static enum err limit_recommending(struct call *call, struct worker *worker, const struct profile_io *io)
{
    const char *who = arena_printf(call->arena, "%" PRId64, io->account_id);
    const struct limit limit = LIMIT("recommend.account", who, RECOMMENDED_BY_A_DAY, DAY_MS);
    return io->profile.recommended_by != 0 ? services_limit(call, worker, &limit, 1) : OK;
}

static enum err put(struct call *call, struct worker *worker)
{
    struct profile_io *io = call->io;
    struct account account;
    enum err err = check_sec(worker, io);
    if (err == OK)
        err = accounts_get(worker->pg, call->arena, io->account_id, &account);
    if (err != OK)
        return err;
    if (io->profile.recommended_by == io->account_id)
        return ERR_INVALID;
    if ((err = limit_recommending(call, worker, io)) != OK)
        return err;
    io->profile.identity_card = seal(call->services->keyring, call->arena, context_of(call, io), io->identity_card);
    err = profiles_put(worker->pg, io->account_id, &io->profile);
    io->role = account.role;
    io->filled_in = err == OK;
    return err == ERR_NOT_FOUND ? ERR_INVALID : err;
}

const struct op op_put_profile = {"put_profile", {{ON_DB, put}}};

static enum err get(struct call *call, struct worker *worker)
{
    struct profile_io *io = call->io;
    enum err err = check_sec(worker, io);
    if (err == OK)
        err = profiles_get(worker->pg, call->arena, io->account_id, &io->profile);
    if (err == ERR_NOT_FOUND) {
        io->profile = (struct profile){"", "", "", "", "", .recommended_phone = ""};
        return OK;
    }
    if (err != OK)
        return err;
    io->filled_in = true;
    if (unseal(call->services->keyring, call->arena, context_of(call, io), io->profile.identity_card,
               &io->identity_card) == OK)
        return OK;
    log_error("identity_card_sealed_by_lost_key", F("account", io->account_id),
              F("key", io->profile.identity_card.key_id));
    return ERR_INTERNAL;
}

const struct op op_get_profile = {"get_profile", {{ON_DB, get}}};
