#include "component/service/claims.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/service/acting.h"
#include "component/service/services.h"
#include "sql/asks.h"

enum { HOUR_MS = 3600000, TRIES = 3 };

static const char *account_key(struct call *call, const struct account *account)
{
    return arena_printf(call->arena, "%lld", (long long)account->id);
}

/* --- making one */

static enum err make_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct claim_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

/* The text with every {code} replaced. */
static const char *uri_of(struct call *call, const char *shown)
{
    static const char mark[] = "{code}";
    const char *rest = call->services->settings.claim_uri, *uri = "", *at;
    while ((at = strstr(rest, mark)) != NULL) {
        uri = arena_printf(call->arena, "%s%.*s%s", uri, (int)(at - rest), rest, shown);
        rest = at + strlen(mark);
    }
    return arena_printf(call->arena, "%s%s", uri, rest);
}

/* A code that is in use is as good as impossible; then there is another one. */
static enum err put_fresh(struct call *call, struct worker *worker, const struct account *account, char *code)
{
    const struct claim_maker maker = {.account_id = account->id, .era = account->claims_era};
    enum err err = ERR_CONFLICT;
    for (int try = 0; err == ERR_CONFLICT && try < TRIES; try++) {
        claim_code_make(code);
        err = claims_put(worker->redis, call->services->keyring, code, &maker,
                         call->services->settings.claim_lifetime_ms);
    }
    return err;
}

static enum err make(struct call *call, struct worker *worker)
{
    struct claim_io *io = call->io;
    const struct service_settings *settings = &call->services->settings;
    struct account *account = NULL;
    char *code = arena_alloc(call->arena, CLAIM_CODE_SIZE), *shown = arena_alloc(call->arena, CLAIM_SHOWN_SIZE);
    enum err err = acting_find(call, worker, &io->credential, NULL, &account);
    if (err == OK) /* after the account's era was read: a session that ends later ends the code with it */
        err = tokens_check_again(worker, &io->credential);
    if (err == OK && account->consent == CONSENT_REFUSE)
        err = ERR_REFUSED;
    if (err != OK)
        return err;
    const struct limit limit = LIMIT("claim.account", account_key(call, account), settings->claims_per_hour, HOUR_MS);
    err = services_limit(call, worker, &limit, 1);
    if (err == OK)
        err = put_fresh(call, worker, account, code);
    if (err != OK)
        return err;
    claim_code_show(code, shown);
    io->code = shown;
    io->uri = uri_of(call, shown);
    io->lifetime_ms = settings->claim_lifetime_ms;
    return io->picture == QR_NONE ? OK : qr_draw(call->arena, io->uri, io->picture, &io->image, &io->image_length);
}

const struct op op_make_claim = {"make_claim", {{ON_CALLER, make_here}, {ON_DB, make}}};

/* --- entering one */

static enum err redeem_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct redeem_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

/* Right tries count, too: then nobody learns from the limit which ones were. */
static enum err limit_tries(struct call *call, struct worker *worker, const struct account *account)
{
    const struct service_settings *settings = &call->services->settings;
    const struct limit limits[] = {
        LIMIT("claim.try", account_key(call, account), settings->claim_tries_per_hour, HOUR_MS),
        LIMIT("claim.address", call->peer.text, settings->claim_tries_per_address_hour, HOUR_MS),
    };
    return services_limit(call, worker, limits, call->peer.text[0] != '\0' ? 2 : 1);
}

/* What ended the maker's sessions ended the code with them: whoever had it shown may be who they were taken from. */
static enum err fitness(const struct account *account, const struct account *maker, const struct claim_taken *taken)
{
    if (maker->claims_era != taken->maker.era)
        return ERR_CODE;
    if (maker->jid_state == JID_VANISHED)
        return ERR_JID_NONE;
    if (maker->banned || maker->consent == CONSENT_REFUSE || account->consent == CONSENT_REFUSE)
        return ERR_REFUSED;
    return OK;
}

/* An earlier no of the maker's counts for nothing: it made the code. A code goes with its maker. */
static enum err make_binding(struct call *call, struct worker *worker)
{
    struct redeem_io *io = call->io;
    const int64_t both[] = {io->taken.maker.account_id, io->account->id};
    enum err err = accounts_hold(worker->pg, call->arena, both, 2); /* accounts before asks, as a cancel locks them */
    if (err == OK)
        err = accounts_get(worker->pg, call->arena, io->taken.maker.account_id, &io->peer);
    if (err == OK)
        err = fitness(io->account, &io->peer, &io->taken);
    if (err == OK)
        err = asks_end(worker->pg, call->arena, io->account->id, &io->peer.id, 1);
    if (err == OK)
        err = wishes_want(call, worker, io->account->id, &io->peer.id, 1, true);
    if (err == OK && io->wishes.count == 0)
        err = ERR_BOUND;
    FAILPOINT("claim.before_commit");
    return err == ERR_NOT_FOUND ? ERR_CODE : err;
}

static enum err bind_to_maker(struct call *call, struct worker *worker)
{
    struct redeem_io *io = call->io;
    const enum err err =
        io->taken.maker.account_id == io->account->id ? ERR_INVALID : wishes_commit(call, worker, 1, make_binding);
    FAILPOINT("claim.committed");
    return err;
}

/* What cannot be settled stays taken; so does a code whose use is uncertain. */
static void settle(struct call *call, struct worker *worker, const struct redeem_io *io, enum err outcome)
{
    if (outcome == ERR_UNCERTAIN)
        return;
    const enum err err = claims_settle(worker->redis, call->services->keyring, &io->taken, outcome == OK);
    if (err != OK)
        log_warn("claim_not_settled", F("account", io->account->id), F_ERR(err));
}

static enum err redeem(struct call *call, struct worker *worker)
{
    struct redeem_io *io = call->io;
    enum err err = acting_find(call, worker, &io->credential, NULL, &io->account);
    if (err == OK)
        err = limit_tries(call, worker, io->account);
    if (err == OK)
        err = claim_code_read(io->code, io->read);
    if (err != OK)
        return err;
    io->taken.code = io->read;
    if ((err = claims_take(worker->redis, call->services->keyring, &io->taken)) != OK)
        return err == ERR_NOT_FOUND ? ERR_CODE : err;
    err = bind_to_maker(call, worker);
    settle(call, worker, io, err);
    if (err != OK)
        return err;
    wishes_tell(call);
    log_info("claim_redeemed", F("account", io->account->id), F("maker", io->peer.id));
    return OK;
}

const struct op op_redeem_claim = {"redeem_claim",
                                   {{ON_CALLER, redeem_here}, {ON_DB, redeem}, {ON_WAIT, NULL}, {ON_DB, wishes_look}}};
