/* Registering and new passwords on a code (phone.h). Order of checks: limits, code, existence, ban, the rest. The code
 * is looked at first and claimed only with the commit, so that nothing that fails before holds it. */
#include <ctype.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/cache/limits.h"
#include "component/service/app_session.h"
#include "component/service/handset.h"
#include "component/service/hasher.h"
#include "component/service/known_caller.h"
#include "component/service/login.h"
#include "component/service/phone.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/pg.h"
#include "sql/wrong_passwords.h"

enum { HOUR_MS = 3600000 };

/* --- what is derived from a password */

/* V1's input: md5hex(password), in lower case. */
struct secret given_v1(struct arena *arena, const struct given_password *password)
{
    if (!password->is_md5)
        return password_v1(arena, password->text);
    char *hex = arena_copy(arena, secret_expose(password->text), password->text.length);
    for (char *p = hex; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return secret_of(hex, password->text.length);
}

/* V0's input: md5hex(password + salt). */
static struct secret given_v0(struct arena *arena, const struct given_password *password, const char *salt)
{
    const char *salted = arena_printf(arena, "%s%s", secret_expose(password->text), salt);
    return password_v1(arena, secret_of_cstr(salted));
}

/* --- before the hash */

static enum err look_at_code(struct call *call, struct worker *worker)
{
    const struct phone_io *io = call->io;
    const struct limit limit =
        LIMIT("register.address", call->peer.text, call->services->settings.registrations_per_hour, HOUR_MS);
    const enum err err = services_limit(call, worker, &limit, 1);
    return err == OK && !io->vouched ? code_look(call, worker, &io->bond, io->code) : err;
}

static enum err can_make_account(struct call *call, const struct account *displaced)
{
    struct phone_io *io = call->io;
    const struct services *services = call->services;
    io->makes_account = true;
    io->registration.displaces = displaced != NULL ? displaced->id : 0;
    io->account.salt = registration_salt(call->arena);
    return services->xmpp_ready(services->xmpp_arg) ? OK : ERR_JID_FAILED;
}

static enum err find_inviter(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    int64_t *inviter = &io->registration.fresh.inviter;
    if (io->invitation == NULL)
        return OK;
    const enum err err = accounts_find_inviter(worker->pg, io->invitation, inviter);
    const bool gone = err == ERR_NOT_FOUND || (err == OK && *inviter == io->registration.displaces);
    return gone ? ERR_INVITATION : err;
}

enum err phone_admit_registration(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    struct account there;
    enum err err = look_at_code(call, worker);
    if (err != OK)
        return err;
    err = accounts_find(worker->pg, call->arena, ACCOUNT_PHONE, io->bond.phone, &there);
    if (err == ERR_NO_SUCH_NAME)
        err = can_make_account(call, NULL);
    else if (err == OK)
        err = there.proved || there.banned ? ERR_NAME_TAKEN : can_make_account(call, &there);
    return err == OK ? find_inviter(call, worker) : err;
}

static enum err admit_reset(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    struct stored_verifier secret = {0}, v1 = {0};
    enum err err = look_at_code(call, worker);
    if (err == OK)
        err = accounts_find(worker->pg, call->arena, ACCOUNT_PHONE, io->bond.phone, &io->account);
    if (err != OK)
        return err;
    if (io->account.banned)
        return ERR_BANNED;
    if (!io->account.proved) {
        const struct account unproved = io->account;
        return can_make_account(call, &unproved);
    }
    if (io->account.state != ACCOUNT_ACTIVE)
        return ERR_NO_SUCH_NAME;
    err = verifiers_get(worker->pg, call->arena, io->account.id, VERIFIER_SECRET, &secret);
    if (err == OK)
        err = verifiers_get(worker->pg, call->arena, io->account.id, VERIFIER_V1, &v1);
    io->secret = secret.sealed;
    io->old_v1 = v1.text;
    return err;
}

/* --- the hash */

static enum err check_differs(struct call *call, struct worker *worker, struct secret v1)
{
    const struct phone_io *io = call->io;
    bool stale;
    if (!io->refuses_same || io->old_v1 == NULL)
        return OK;
    const enum err err = hasher_check(worker->hasher, io->old_v1, v1, &stale);
    return err == OK ? ERR_SAME_PASSWORD : err == ERR_PASSWORD ? OK : err;
}

enum err phone_hash_password(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    struct new_account *fresh = &io->registration.fresh;
    const struct secret v1 = given_v1(call->arena, &io->password);
    enum err err = check_differs(call, worker, v1);
    if (err == OK)
        err = hasher_make(worker->hasher, call->arena, v1, &fresh->verifier_v1);
    if (err == OK && io->makes_v0)
        err = hasher_make(worker->hasher, call->arena, given_v0(call->arena, &io->password, io->account.salt),
                          &fresh->verifier_v0);
    return err;
}

/* --- the commit */

/* 004's secret: made by 004, and renewed by a new password that came in clear. Sealed for the phone, which stays. */
static struct sealed seal_secret(struct call *call)
{
    const struct phone_io *io = call->io;
    const bool wanted =
        io->keeps_secret || (!io->makes_account && io->secret.bytes != NULL && !io->password.is_md5 && io->makes_v0);
    if (!wanted)
        return (struct sealed){0};
    return seal(call->services->keyring, call->arena, arena_printf(call->arena, "secret:%s", io->bond.phone),
                io->password.text);
}

static enum err commit_account(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    struct new_account *fresh = &io->registration.fresh;
    fresh->type = ACCOUNT_PHONE;
    fresh->name = io->bond.phone;
    fresh->des = fresh->device_type = "";
    fresh->display_name = io->display_name;
    fresh->email = io->email;
    fresh->xid_hash = io->xid != NULL ? handset_hash(call->arena, io->xid) : NULL;
    fresh->proved = true;
    fresh->salt = io->account.salt;
    fresh->secret = seal_secret(call);
    return registration_commit(call, worker, &io->registration);
}

static enum err replace_password(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    const struct new_account *fresh = &io->registration.fresh;
    const struct sealed secret = seal_secret(call);
    struct session_hash *ended = NULL;
    size_t count = 0;
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = accounts_lock(worker->pg, io->account.id); /* a login under way waits, and finds the new password */
    if (err == OK)
        err = verifiers_replace(worker->pg, io->account.id, fresh->verifier_v1, fresh->verifier_v0, &secret);
    if (err == OK)
        err = wrong_passwords_end_all(worker->pg, io->account.id);
    if (err == OK) /* the handset that is gone shakes no more; the next login brings one */
        err = accounts_set_xid(worker->pg, io->account.id, NULL);
    if (err == OK)
        err = sessions_end_all(worker->pg, call->arena, io->account.id, &ended, &count);
    if (err == OK)
        err = pg_commit(worker->pg);
    else
        pg_rollback(worker->pg);
    if (err == ERR_UNCERTAIN)
        tokens_doubt(call->services, worker); /* they may have ended */
    if (err != OK)
        return err == ERR_NOT_FOUND ? ERR_NO_SUCH_NAME : err;
    tokens_revoke(call->services, worker, ended, count);
    log_info("password_reset", F("account", io->account.id));
    return OK;
}

/* After success whatever else was proved with the phone, or could be with what was sent to it, is void; and the caller
 * is known, alone. */
static void end_other_proofs(struct call *call, struct worker *worker)
{
    const struct phone_io *io = call->io;
    if (io->vouched)
        code_void(call->services, worker, io->bond.phone);
    else
        code_spend(call->services, worker, &io->claim);
    known_caller_note(call, worker, io->bond.phone, io->xid, true);
}

static enum err settle(struct call *call, struct worker *worker, enum err err)
{
    const struct phone_io *io = call->io;
    if (err == OK)
        end_other_proofs(call, worker);
    else if (!io->vouched)
        code_give_back(call->services, worker, &io->claim);
    return err;
}

enum err phone_commit(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    enum err err = io->vouched ? OK : code_take(call, worker, &io->bond, io->code, &io->claim);
    if (err != OK)
        return err;
    if (io->makes_account) {
        err = commit_account(call, worker);
        return err == OK ? OK : settle(call, worker, err);
    }
    err = settle(call, worker, replace_password(call, worker));
    if (err == OK)
        call_done(call);
    return err;
}

enum err phone_finish(struct call *call, struct worker *worker)
{
    struct phone_io *io = call->io;
    enum err err = settle(call, worker, registration_look(call, worker, &io->registration, &io->account));
    if (err == OK)
        err = account_jid_password(call->services, call->arena, &io->account, &io->jid_password);
    if (err == OK && io->opens_session)
        err = app_session_open(call->services, worker, call->arena, io->account.id, io->session_dialect,
                               &io->session_secret);
    return err;
}

const struct op op_phone_register = {"phone_register",
                                     {{ON_DB, phone_admit_registration},
                                      {ON_HASH, phone_hash_password},
                                      {ON_DB, phone_commit},
                                      {ON_WAIT, NULL},
                                      {ON_DB, phone_finish}}};
const struct op op_phone_reset = {"phone_reset",
                                  {{ON_DB, admit_reset},
                                   {ON_HASH, phone_hash_password},
                                   {ON_DB, phone_commit},
                                   {ON_WAIT, NULL},
                                   {ON_DB, phone_finish}}};
