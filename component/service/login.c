#include "component/service/login.h"

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/service/known_caller.h"
#include "component/service/points.h"
#include "component/service/registration.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/asks.h"
#include "sql/bindings.h"
#include "sql/comparisons.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/sessions.h"

enum { MINUTE_MS = 60000 };

struct secret password_v1(struct arena *arena, struct secret password)
{
    char *hex = arena_alloc(arena, MD5_HEX_SIZE);
    md5_hex(secret_expose(password), password.length, hex);
    return secret_of(hex, MD5_HEX_SIZE - 1);
}

/* The name as a limit counts it: together with an address, or, with an address of "", from everywhere. */
static const char *pseudonym(const struct call *call, enum account_type type, const char *name, const char *address)
{
    const char *who = arena_printf(call->arena, "%d:%s %s", (int)type, name, address);
    return services_pseudonym(call->services, call->arena, who);
}

/* For the name only together with the address, so that nobody can lock somebody else out. */
enum err login_limit(struct call *call, struct worker *worker, enum account_type type, const char *name)
{
    const struct service_settings *settings = &call->services->settings;
    const struct limit limits[] = {
        {.what = "login.address", .who = call->peer.text, .most = settings->logins_per_minute, .period_ms = MINUTE_MS},
        {.what = "login.name",
         .who = pseudonym(call, type, name, call->peer.text),
         .most = settings->logins_per_name_per_minute,
         .period_ms = MINUTE_MS},
    };
    return services_limit(call, worker, limits, sizeof limits / sizeof limits[0]);
}

/* After a picture was solved: for the name from everywhere. */
static enum err limit_solvers(struct call *call, struct worker *worker, const struct login_io *io)
{
    if (io->proof.picture_answer == NULL)
        return OK;
    const struct limit limit = {.what = "login.solved",
                                .who = pseudonym(call, io->type, io->name, ""),
                                .most = 10 * call->services->settings.logins_per_name_per_minute,
                                .period_ms = MINUTE_MS};
    return services_limit(call, worker, &limit, 1);
}

static enum err find_account(struct call *call, struct worker *worker, bool login)
{
    struct login_io *io = call->io;
    enum err err = login_limit(call, worker, io->type, io->name);
    /* Redis being gone stops no login that needs no picture: the hashing lane bounds how fast anybody can guess. */
    if (err == OK || err == ERR_CACHE_DOWN)
        err = proof_check(call, worker, &io->proof, io->type, login);
    if (err == OK)
        err = limit_solvers(call, worker, io);
    if (err == OK)
        err = accounts_find(worker->pg, call->arena, io->type, io->name, &io->account);
    const bool known = err == OK;
    if (err == OK || err == ERR_NO_SUCH_NAME) /* an unknown name (id 0) costs the same */
        err = verifiers_get(worker->pg, call->arena, io->account.id, VERIFIER_V1, &io->verifier);
    if (err == OK)
        err = guard_open(call, worker, known && io->verifier.since_us != 0 ? &io->account : NULL, &io->guard);
    return err;
}

static enum err find_for_login(struct call *call, struct worker *worker)
{
    return find_account(call, worker, true);
}

static enum err find_for_cancel(struct call *call, struct worker *worker)
{
    return find_account(call, worker, false);
}

static enum err check_password(struct call *call, struct worker *worker)
{
    struct login_io *io = call->io;
    return guard_check(call, worker, &io->guard, io->verifier.text, password_v1(call->arena, io->password));
}

/* What the password opens: the account's state is told to nobody else. */
static enum err enter(struct call *call, struct worker *worker)
{
    const struct login_io *io = call->io;
    enum err err = guard_close(call, worker, &io->guard);
    if (err == OK && io->account.banned)
        err = ERR_BANNED;
    if (err == OK && io->account.state != ACCOUNT_ACTIVE)
        err = ERR_JID_PENDING;
    return err;
}

/* OK while the account has the password that was checked, else ERR_PASSWORD. Its verifier may be another one by now:
 * logins at the same time renew it when hashing has become dearer. */
static enum err password_stands(struct call *call, struct worker *worker, int64_t account_id, enum verifier_kind kind,
                                const struct stored_verifier *checked)
{
    struct stored_verifier standing;
    const enum err err = verifiers_get(worker->pg, call->arena, account_id, kind, &standing);
    return err == OK && standing.since_us != checked->since_us ? ERR_PASSWORD : err;
}

/* The session ends, as the new password ended all others. */
static enum err withdraw(struct call *call, struct worker *worker, int64_t account_id)
{
    struct session_hash *ended = NULL;
    size_t count = 0;
    const enum err err = sessions_end_all(worker->pg, call->arena, account_id, &ended, &count);
    if (err != OK)
        return err;
    tokens_revoke(call->services, worker, ended, count);
    return ERR_BUSY;
}

enum err login_confirm(struct call *call, struct worker *worker, int64_t account_id, enum verifier_kind kind,
                       const struct stored_verifier *checked)
{
    const enum err err = password_stands(call, worker, account_id, kind, checked);
    return err == ERR_PASSWORD ? withdraw(call, worker, account_id) : err;
}

/* What was found wrong is looked at again at each login: somebody may have mended it on the server. */
static enum err note_use(const struct call *call, struct worker *worker, const struct account *account)
{
    const int64_t interval_ms = call->services->settings.jid_check_interval_ms;
    const bool wrong = account->jid_state != JID_MADE;
    return comparisons_note_use(worker->pg, account->id, interval_ms == 0 ? -1 : wrong ? 0 : interval_ms);
}

static enum err open_session(struct call *call, struct worker *worker)
{
    struct login_io *io = call->io;
    const struct services *services = call->services;
    enum err err = enter(call, worker);
    if (err == OK)
        err = note_use(call, worker, &io->account);
    if (err != OK)
        return err;
    if (io->account.jid_state == JID_REFUSED)
        return ERR_JID_PASSWORD;
    if (io->account.jid_state == JID_VANISHED)
        return ERR_JID_NONE;
    err = account_jid_password(services, call->arena, &io->account, &io->jid_password);
    if (err == OK)
        err = tokens_issue(call->services, worker, call->arena, io->account.id, &io->token);
    if (err == ERR_NOT_FOUND) /* cancelled meanwhile */
        return ERR_PASSWORD;
    if (err == OK)
        err = login_confirm(call, worker, io->account.id, VERIFIER_V1, &io->verifier);
    if (err == OK && io->guard.renewed != NULL)
        err = verifiers_renew(worker->pg, io->account.id, VERIFIER_V1, io->verifier.text, io->guard.renewed);
    if (err == OK && io->account.proved)
        known_caller_note(call, worker, io->account.name, NULL, false);
    return err;
}

const struct op op_login = {"login", {{ON_DB, find_for_login}, {ON_HASH, check_password}, {ON_DB, open_session}}};

enum err account_end(struct services *services, struct pg *pg, struct arena *arena, int64_t id, enum account_state from,
                     struct session_hash **ended_r, size_t *ended_count_r)
{
    struct account account;
    enum err err = accounts_get(pg, arena, id, &account); /* its name and type, which never change */
    if (err != OK)
        return err == ERR_NO_SUCH_NAME ? ERR_NOT_FOUND : err;
    err = accounts_cancel(pg, id, from);
    if (err == OK && from == ACCOUNT_ACTIVE)
        err = points_farewell(services, pg, arena, &account);
    if (err == OK)
        err = outbox_drop(pg, OUTBOX_CREATE_JID, id);
    if (err == OK)
        err = outbox_drop(pg, OUTBOX_CHECK_JID, id);
    if (err == OK)
        err = asks_end_all(pg, id);
    if (err == OK)
        err = bindings_unwant_all(pg, id);
    if (err == OK)
        err = sessions_end_all(pg, arena, id, ended_r, ended_count_r);
    if (err == OK)
        err = outbox_add(pg, OUTBOX_DELETE_JID, id, services->settings.owner);
    return err;
}

static enum err end_account(struct call *call, struct worker *worker)
{
    struct login_io *io = call->io;
    struct session_hash *ended = NULL;
    size_t count = 0;
    enum err err = enter(call, worker);
    if (err == OK)
        err = pg_begin(worker->pg);
    if (err == OK)
        err = accounts_lock(worker->pg, io->account.id);
    if (err == OK)
        err = password_stands(call, worker, io->account.id, VERIFIER_V1, &io->verifier);
    if (err == OK)
        err = account_end(call->services, worker->pg, call->arena, io->account.id, ACCOUNT_ACTIVE, &ended, &count);
    FAILPOINT("cancel.before_commit");
    if (err == OK)
        err = pg_commit(worker->pg);
    else
        pg_rollback(worker->pg);
    if (err == ERR_UNCERTAIN)
        tokens_doubt(call->services, worker); /* they may have ended */
    if (err != OK)
        return err == ERR_NOT_FOUND ? ERR_PASSWORD : err; /* somebody else cancelled it meanwhile */
    FAILPOINT("cancel.committed");
    tokens_revoke(call->services, worker, ended, count);
    FAILPOINT("cancel.revoked");
    call->services->wishes_made(call->services->wishes_arg);
    log_info("account_cancelled", F("account", io->account.id), F("type", (int)io->account.type));
    return OK;
}

const struct op op_cancel = {"cancel", {{ON_DB, find_for_cancel}, {ON_HASH, check_password}, {ON_DB, end_account}}};
