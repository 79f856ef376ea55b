/* Logins of phone accounts (phone.h). A password is checked on a hashing worker, 004's challenge against the sealed
 * password on a database worker. */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/cache/limits.h"
#include "component/service/app_session.h"
#include "component/service/handset.h"
#include "component/service/known_caller.h"
#include "component/service/login.h"
#include "component/service/phone.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/comparisons.h"

enum { MINUTE_MS = 60000, CHALLENGE_FRESH_S = 300, CHALLENGE_SEEN_MS = 610000 };

static enum verifier_kind kind_of(const struct phone_login_io *io)
{
    switch (io->proof) {
    case LOGIN_V0:
        return VERIFIER_V0;
    case LOGIN_CHALLENGE:
        return VERIFIER_SECRET;
    default:
        return VERIFIER_V1;
    }
}

/* Whether what was sent could open the account at all; 000's password is of no use without the account's salt. */
static bool opens_by(const struct phone_login_io *io)
{
    return io->verifier.since_us != 0 && (io->proof != LOGIN_V0 || strcmp(io->salt, io->account.salt) == 0);
}

static enum err find(struct call *call, struct worker *worker)
{
    struct phone_login_io *io = call->io;
    enum err err = login_limit(call, worker, ACCOUNT_PHONE, io->phone);
    if (err == ERR_CACHE_DOWN && !io->tells_existence) /* as dialect 003's login; but without a limit nobody is told */
        err = OK;
    if (err == OK)
        err = accounts_find(worker->pg, call->arena, ACCOUNT_PHONE, io->phone, &io->account);
    const bool known = err == OK;
    if (err != OK && (err != ERR_NO_SUCH_NAME || io->tells_existence))
        return err;
    /* an unknown phone (id 0) costs the same */
    err = verifiers_get(worker->pg, call->arena, io->account.id, kind_of(io), &io->verifier);
    if (err == OK)
        err = guard_open(call, worker, known && opens_by(io) ? &io->account : NULL, &io->guard);
    return err;
}

/* --- a password */

/* V0's is an MD5 as well, of password and salt. */
static enum err check(struct call *call, struct worker *worker)
{
    struct phone_login_io *io = call->io;
    return guard_check(call, worker, &io->guard, io->verifier.text, given_v1(call->arena, &io->password));
}

/* --- a challenge */

/* ERR_PASSWORD when this phone has sent it before. */
static enum err once(struct call *call, struct worker *worker, const char *what, const char *sent)
{
    const struct phone_login_io *io = call->io;
    const char *who = arena_printf(call->arena, "%s\n%s\n%s", io->phone, what, sent);
    const enum err err =
        nonce_once(worker->redis, "challenge", services_pseudonym(call->services, call->arena, who), CHALLENGE_SEEN_MS);
    return err == ERR_CONFLICT ? ERR_PASSWORD : err;
}

/* A login that was recorded and sent again is no proof: its time must be near, and its nonce new for this phone. */
static enum err check_fresh(struct call *call, struct worker *worker)
{
    const struct phone_login_io *io = call->io;
    int64_t then;
    if (parse_i64(io->timestamp, 0, INT64_MAX / 2, &then) != OK || then - clock_unix() > CHALLENGE_FRESH_S ||
        clock_unix() - then > CHALLENGE_FRESH_S)
        return ERR_PASSWORD;
    const enum err err = once(call, worker, "nonce", io->nonce);
    /* The digest says nothing of where the nonce ends and the time begins: the same one, split elsewhere, is the same
     * login. */
    return err == OK ? once(call, worker, "digest", secret_expose(given_v1(call->arena, &io->password))) : err;
}

/* The digest that was sent against the one that the sealed password gives. */
static enum err compare(struct call *call, const struct phone_login_io *io)
{
    struct secret password;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    const char *context = arena_printf(call->arena, "secret:%s", io->phone);
    if (unseal(call->services->keyring, call->arena, context, io->verifier.sealed, &password) != OK) {
        log_error("secret_sealed_by_lost_key", F("account", io->account.id));
        return ERR_INTERNAL;
    }
    const char *text = arena_printf(call->arena, "%s%s%s", secret_expose(password), io->nonce, io->timestamp);
    sha256(text, strlen(text), digest);
    hex_encode(digest, sizeof digest, hex);
    return secret_equal(secret_of_cstr(hex), given_v1(call->arena, &io->password)) ? OK : ERR_PASSWORD;
}

/* A digest that is right but old is neither a guess nor a proof: it counts as nothing. */
static enum err check_challenge(struct call *call, struct worker *worker)
{
    struct phone_login_io *io = call->io;
    if (io->guard.account_id == 0 || io->guard.shut)
        return OK;
    const enum err err = compare(call, io);
    if (err != OK)
        return err == ERR_PASSWORD ? OK : err;
    io->guard.found = OK;
    return check_fresh(call, worker);
}

/* --- success */

static enum err open(struct call *call, struct worker *worker)
{
    struct phone_login_io *io = call->io;
    enum err err = io->proof == LOGIN_CHALLENGE ? check_challenge(call, worker) : OK;
    if (err == OK)
        err = guard_close(call, worker, &io->guard);
    if (err == OK && io->account.banned)
        err = ERR_BANNED;
    if (err == OK && io->account.state != ACCOUNT_ACTIVE)
        err = ERR_PASSWORD;
    if (err == OK)
        err = account_jid_password(call->services, call->arena, &io->account, &io->jid_password);
    if (err != OK)
        return err;
    if (io->session_dialect == SESSION_003)
        err = tokens_issue(call->services, worker, call->arena, io->account.id, &io->session_secret);
    else
        err = app_session_open(call->services, worker, call->arena, io->account.id, io->session_dialect,
                               &io->session_secret);
    if (err == ERR_NOT_FOUND) /* cancelled meanwhile */
        return ERR_PASSWORD;
    if (err == OK && io->xid != NULL)
        err = accounts_set_xid(worker->pg, io->account.id, handset_hash(call->arena, io->xid));
    if (err == OK)
        err = login_confirm(call, worker, io->account.id, kind_of(io), &io->verifier);
    if (err == OK && io->guard.renewed != NULL)
        err = verifiers_renew(worker->pg, io->account.id, kind_of(io), io->verifier.text, io->guard.renewed);
    const int64_t interval_ms = call->services->settings.jid_check_interval_ms;
    if (err == OK)
        err = comparisons_note_use(worker->pg, io->account.id, interval_ms > 0 ? interval_ms : -1);
    if (err == OK && io->account.proved)
        known_caller_note(call, worker, io->phone, io->xid, false);
    return err;
}

const struct op op_phone_login = {"phone_login", {{ON_DB, find}, {ON_HASH, check}, {ON_DB, open}}};
const struct op op_phone_challenge = {"phone_challenge", {{ON_DB, find}, {ON_DB, open}}};

/* --- what 000 asks besides */

static enum err get_salt(struct call *call, struct worker *worker)
{
    struct salt_io *io = call->io;
    struct account account;
    const struct limit limit =
        LIMIT("salt.address", call->peer.text, call->services->settings.logins_per_minute, MINUTE_MS);
    enum err err = services_limit(call, worker, &limit, 1);
    if (err == ERR_CACHE_DOWN) /* it tells whether a phone is registered: not without a limit */
        return err;
    if (err == OK)
        err = accounts_find(worker->pg, call->arena, ACCOUNT_PHONE, io->phone, &account);
    if (err == OK)
        io->salt = account.salt;
    return err;
}

const struct op op_get_salt = {"get_salt", {{ON_DB, get_salt}}};
