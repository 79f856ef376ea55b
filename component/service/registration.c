#include "component/service/registration.h"

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/service/login.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "component/service/waiters.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/sessions.h"

enum { SALT_LENGTH = 8, JID_LENGTH = 24 };

/* 24 of 32 characters: 120 bits. */
static const char jid_alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* What a transaction ended, to be revoked after its commit. */
struct ended {
    struct session_hash *hashes;
    size_t count;
};

static char *random_copy(struct arena *arena, const char *alphabet, size_t length)
{
    char *text = arena_alloc(arena, length + 1);
    random_text(alphabet, length, text);
    return text;
}

const char *registration_salt(struct arena *arena)
{
    return random_copy(arena, letters, SALT_LENGTH);
}

static void make_jid(const struct services *services, struct arena *arena, struct new_account *fresh)
{
    fresh->jid_local = random_copy(arena, jid_alphabet, JID_LENGTH);
    fresh->jid_password = jid_password_new(services, arena, fresh->jid_local);
}

/* An unproved phone is displaced by its owner's code, whatever state the account is in. */
static enum err displace(struct call *call, struct worker *worker, int64_t id, struct ended *ended)
{
    if (id == 0)
        return OK;
    enum err err =
        account_end(call->services, worker->pg, call->arena, id, ACCOUNT_ACTIVE, &ended->hashes, &ended->count);
    if (err == ERR_NOT_FOUND)
        err = account_end(call->services, worker->pg, call->arena, id, ACCOUNT_PENDING, &ended->hashes, &ended->count);
    return err == ERR_NOT_FOUND ? OK : err; /* it ended by itself */
}

static enum err insert(struct call *call, struct worker *worker, struct registration *registration)
{
    const struct services *services = call->services;
    make_jid(services, call->arena, &registration->fresh);
    enum err err = accounts_insert(worker->pg, &registration->fresh, &registration->account_id);
    if (err == OK)
        err = outbox_add(worker->pg, OUTBOX_CREATE_JID, registration->account_id, services->settings.owner);
    if (err != OK)
        return err;
    const uint64_t key = WAIT_KEY(WAIT_JID, registration->account_id);
    return ticket_take(services->runtime.waiters, call, &key, 1, clock_ms() + services->settings.register_wait_ms);
}

enum err registration_commit(struct call *call, struct worker *worker, struct registration *registration)
{
    struct ended ended = {0};
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = displace(call, worker, registration->displaces, &ended);
    if (err == OK)
        err = insert(call, worker, registration);
    FAILPOINT("register.before_commit");
    if (err != OK) {
        pg_rollback(worker->pg);
        return err;
    }
    err = pg_commit(worker->pg);
    if (err == ERR_UNCERTAIN && ended.count > 0)
        tokens_doubt(call->services, worker); /* they may have ended */
    if (err != OK)
        return err;
    call->must_finish = true;
    FAILPOINT("register.committed");
    tokens_revoke(call->services, worker, ended.hashes, ended.count);
    call->services->wishes_made(call->services->wishes_arg);
    return OK;
}

/* The account may be there and active: Postgres is asked as long as it would be for the outcome of a COMMIT. */
static enum err get_patiently(struct call *call, struct worker *worker, int64_t id, struct account *account_r)
{
    enum err err = accounts_get(worker->pg, call->arena, id, account_r);
    if (err == ERR_DB_DOWN && pg_reconnect(worker->pg) == OK)
        err = accounts_get(worker->pg, call->arena, id, account_r);
    return err;
}

enum err registration_look(struct call *call, struct worker *worker, const struct registration *registration,
                           struct account *account_r)
{
    const int64_t id = registration->account_id;
    enum err err = get_patiently(call, worker, id, account_r);
    if (err == OK && account_r->state == ACCOUNT_PENDING) {
        err = registration_undo(call->services, worker->pg, id);
        if (err == OK)
            return ERR_JID_FAILED;
        if (err == ERR_NOT_FOUND) /* it moved on meanwhile */
            err = accounts_get(worker->pg, call->arena, id, account_r);
    }
    if (err != OK)
        return err;
    if (account_r->state != ACCOUNT_ACTIVE)
        return ERR_JID_FAILED;
    log_info("account_registered", F("account", id), F("type", (int)account_r->type));
    return OK;
}

enum err registration_undo(struct services *services, struct pg *pg, int64_t account_id)
{
    struct arena *arena = arena_new();
    struct ended ended = {0}; /* a pending account has no sessions */
    enum err err = pg_begin(pg);
    if (err == OK)
        err = account_end(services, pg, arena, account_id, ACCOUNT_PENDING, &ended.hashes, &ended.count);
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
