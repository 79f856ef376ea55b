#include "component/service/register.h"

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/cache/limits.h"
#include "component/service/hasher.h"
#include "component/service/login.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/sessions.h"

enum { HOUR_MS = 3600000, SALT_LENGTH = 8, JID_LENGTH = 24, JID_PASSWORD_LENGTH = 32 };

/* 24 of 32 characters: 120 bits. */
static const char jid_alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static enum err admit(struct call *call, struct worker *worker)
{
    const struct services *services = call->services;
    const struct register_io *io = call->io;
    const struct limit limit = {.what = "register.address",
                                .who = call->peer.text,
                                .most = services->settings.registrations_per_hour,
                                .period_ms = HOUR_MS};
    struct account there;
    enum err err = services_limit(call, worker, &limit, 1);
    if (err == OK)
        err = proof_check(call, worker, &io->proof, io->type, false);
    if (err != OK)
        return err;
    /* looked up before the hash, so that a taken name costs none */
    err = accounts_find(worker->pg, call->arena, io->type, io->name, &there);
    if (err == OK)
        return ERR_NAME_TAKEN;
    if (err == ERR_NO_SUCH_NAME)
        err = services->xmpp_ready(services->xmpp_arg) ? OK : ERR_JID_FAILED;
    return err;
}

static enum err hash(struct call *call, struct worker *worker)
{
    struct register_io *io = call->io;
    return hasher_make(worker->hasher, call->arena, password_v1(call->arena, io->password), &io->verifier);
}

static char *random_copy(struct arena *arena, const char *alphabet, size_t length)
{
    char *text = arena_alloc(arena, length + 1);
    random_text(alphabet, length, text);
    return text;
}

static enum err insert(struct call *call, struct worker *worker)
{
    const struct services *services = call->services;
    struct register_io *io = call->io;
    const char *local = random_copy(call->arena, jid_alphabet, JID_LENGTH);
    const char *password = random_copy(call->arena, alphanumeric, JID_PASSWORD_LENGTH);
    const struct new_account fresh = {
        .type = io->type,
        .name = io->name,
        .des = io->des,
        .device_type = io->device_type,
        .salt = random_copy(call->arena, letters, SALT_LENGTH),
        .jid_local = local,
        .jid_password =
            seal(services->keyring, call->arena, arena_printf(call->arena, "jid:%s", local), secret_of_cstr(password)),
        .verifier_v1 = io->verifier,
    };
    enum err err = accounts_insert(worker->pg, &fresh, &io->account_id);
    if (err == OK)
        err = outbox_add(worker->pg, OUTBOX_CREATE_JID, io->account_id, services->settings.instance);
    if (err != OK)
        return err;
    const uint64_t key = WAIT_KEY(WAIT_JID, io->account_id);
    return ticket_take(services->runtime.waiters, call, &key, 1, clock_ms() + services->settings.register_wait_ms);
}

static enum err commit_pending(struct call *call, struct worker *worker)
{
    enum err err = pg_begin(worker->pg);
    if (err != OK)
        return err;
    err = insert(call, worker);
    FAILPOINT("register.before_commit");
    if (err != OK) {
        pg_rollback(worker->pg);
        return err;
    }
    if ((err = pg_commit(worker->pg)) != OK)
        return err;
    FAILPOINT("register.committed");
    call->services->wishes_made(call->services->wishes_arg);
    return OK;
}

static enum err look(struct call *call, struct worker *worker)
{
    const struct register_io *io = call->io;
    struct account account;
    enum err err = accounts_get(worker->pg, call->arena, io->account_id, &account);
    if (err == OK && account.state == ACCOUNT_PENDING) {
        err = register_undo(call->services, worker->pg, io->account_id);
        if (err == OK)
            return ERR_JID_FAILED;
        if (err == ERR_NOT_FOUND) /* it moved on meanwhile */
            err = accounts_get(worker->pg, call->arena, io->account_id, &account);
    }
    if (err != OK)
        return err;
    if (account.state != ACCOUNT_ACTIVE)
        return ERR_JID_FAILED;
    log_info("account_registered", F("account", io->account_id), F("type", (int)io->type));
    return OK;
}

const struct op op_register = {
    "register", {{ON_DB, admit}, {ON_HASH, hash}, {ON_DB, commit_pending}, {ON_WAIT, NULL}, {ON_DB, look}}};

enum err register_undo(struct services *services, struct pg *pg, int64_t account_id)
{
    struct arena *arena = arena_new();
    struct session_hash *ended = NULL;
    size_t count = 0;
    enum err err = pg_begin(pg);
    if (err == OK)
        err = account_end(services, pg, arena, account_id, ACCOUNT_PENDING, &ended, &count);
    FAILPOINT("undo.before_commit");
    if (err == OK)
        err = pg_commit(pg);
    else
        pg_rollback(pg);
    FAILPOINT("undo.committed");
    if (err == OK) {
        log_info("registration_undone", F("account", account_id));
        services->wishes_made(services->wishes_arg);
    }
    arena_free(&arena);
    return err;
}
