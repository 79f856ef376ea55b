/* Points and the shake (points.h). Two shakes at once never spend the same points: the ledger lets one entry of an
 * account and currency be made at a time. What is locked, in this order: the account against cancelling, its points,
 * the day's budget, its money. */
#include "component/service/points.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/service/handset.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "sql/accounts.h"
#include "sql/pg.h"
#include "sql/points.h"

/* --- given */

static enum err give(struct pg *pg, int64_t account_id, enum entry_reason reason, int64_t amount)
{
    return amount == 0 ? OK : ledger_add(pg, account_id, CURRENCY_POINTS, reason, amount);
}

static size_t macs_of(const struct services *services, struct arena *arena, const struct account *account,
                      struct keyed_mac **macs_r)
{
    const char *who = arena_printf(arena, "%d:%d:%s", (int)account->type, (int)account->proved, account->name);
    return keyring_macs(services->keyring, arena, "welcome", who, strlen(who), macs_r);
}

enum err points_farewell(const struct services *services, struct pg *pg, struct arena *arena,
                         const struct account *account)
{
    struct keyed_mac *macs;
    const size_t count = macs_of(services, arena, account, &macs);
    return welcomed_note(pg, arena, macs, count);
}

/* An account's name is nobody else's before the account has ended for good: what is not noted here is new. */
enum err points_welcome(const struct services *services, struct pg *pg, struct arena *arena,
                        const struct account *account)
{
    const struct points_settings *settings = &services->settings.points;
    struct account inviter;
    struct keyed_mac *macs;
    bool before = false;
    const size_t count = macs_of(services, arena, account, &macs);
    enum err err = welcomed_look(pg, arena, macs, count, &before);
    if (err != OK || before)
        return err;
    err = give(pg, account->id, ENTRY_SIGNING_UP, settings->signing_up);
    if (err != OK || account->inviter == 0)
        return err;
    err = accounts_get(pg, arena, account->inviter, &inviter);
    if (err == OK && inviter.state == ACCOUNT_ACTIVE && !inviter.banned)
        err = give(pg, inviter.id, ENTRY_INVITATION, settings->invitation);
    return err;
}

/* --- the shake */

static enum err check_handset(struct call *call, struct worker *worker, const struct shake_io *io, bool *proved_r)
{
    struct account account;
    const enum err err = accounts_get(worker->pg, call->arena, io->account_id, &account);
    if (err != OK)
        return err == ERR_NO_SUCH_NAME ? ERR_TOKEN : err;
    if (account.state != ACCOUNT_ACTIVE || account.type != ACCOUNT_PHONE || account.banned)
        return ERR_TOKEN;
    *proved_r = account.proved;
    const char *phone = phone_show(call->services->settings.country, account.name);
    const bool is_its = handset_is(call->arena, io->xid, account.xid_hash);
    return is_its && handset_sec_fits(phone, io->utime, io->sec) ? OK : ERR_TOKEN;
}

/* A prize that the day's budget does not hold any more is none. */
static enum err pay_prize(const struct points_settings *settings, struct pg *pg, struct shake_io *io)
{
    if (io->won_fen == 0)
        return OK;
    enum err err = prize_day_spend(pg, settings->utc_offset_s, settings->day_budget_fen, io->won_fen);
    if (err == ERR_BALANCE) {
        io->won_fen = 0;
        return OK;
    }
    return err == OK ? ledger_add(pg, io->account_id, CURRENCY_MONEY, ENTRY_PRIZE, io->won_fen) : err;
}

static enum err commit(struct call *call, struct worker *worker, struct shake_io *io)
{
    const struct points_settings *settings = &call->services->settings.points;
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = accounts_hold(worker->pg, call->arena, &io->account_id, 1);
    if (err == OK)
        err = give(worker->pg, io->account_id, ENTRY_SHAKE, -settings->shake_cost);
    if (err == OK)
        err = pay_prize(settings, worker->pg, io);
    if (err == OK)
        return pg_commit(worker->pg);
    pg_rollback(worker->pg);
    return err == ERR_NOT_FOUND ? ERR_TOKEN : err; /* cancelled meanwhile */
}

static enum err shake(struct call *call, struct worker *worker)
{
    struct shake_io *io = call->io;
    bool proved = false;
    enum err err = check_handset(call, worker, io, &proved);
    if (err != OK)
        return err;
    io->won_fen = proved ? prizes_won(&call->services->settings.points.prizes, random_below(PRIZE_CHANCES)) : 0;
    if ((err = commit(call, worker, io)) == OK)
        log_info("shaken", F("account", io->account_id), F("won_fen", io->won_fen));
    return err;
}

const struct op op_shake = {"shake", {{ON_DB, shake}}};
