#include "component/service/app_session.h"

#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/text.h"
#include "component/service/services.h"

enum { COOKIE_BYTES = 32, SEC_BYTES = 8, TEXT_MAX = 128 };

static bool is_sec(enum session_dialect dialect)
{
    return dialect == SESSION_001 || dialect == SESSION_002;
}

/* Another input than an access token's, so that neither passes for the other. */
static struct session_hash hash_of(enum session_dialect dialect, struct secret secret, int64_t account_id)
{
    struct arena *arena = arena_new();
    const char *text =
        arena_printf(arena, "%d:%" PRId64 ":%s", (int)dialect, is_sec(dialect) ? account_id : 0, secret_expose(secret));
    struct session_hash hash;
    sha256(text, strlen(text), hash.bytes);
    arena_free(&arena); /* wipes */
    return hash;
}

static struct secret fresh_secret(struct arena *arena, enum session_dialect dialect)
{
    uint8_t bytes[COOKIE_BYTES];
    const size_t length = is_sec(dialect) ? SEC_BYTES : COOKIE_BYTES;
    random_bytes(bytes, length);
    char *hex = arena_alloc(arena, 2 * length + 1);
    hex_encode(bytes, length, hex);
    secret_wipe(bytes, sizeof bytes);
    return secret_of(hex, 2 * length);
}

enum err app_session_open(struct services *services, struct worker *worker, struct arena *arena, int64_t account_id,
                          enum session_dialect dialect, struct secret *secret_r)
{
    const struct service_settings *settings = &services->settings;
    *secret_r = fresh_secret(arena, dialect);
    const struct session_hash hash = hash_of(dialect, *secret_r, account_id);
    struct session_hash *ended = NULL;
    size_t count = 0;
    return sessions_open(worker->pg, arena, account_id, dialect, &hash, settings->session_lifetime_ms,
                         is_sec(dialect) ? 1 : settings->tokens_per_account, &ended, &count);
}

enum err app_session_check(struct worker *worker, enum session_dialect dialect, struct secret secret,
                           int64_t account_id, int64_t *owner_r)
{
    if (secret_is_empty(secret) || secret.length >= TEXT_MAX)
        return ERR_TOKEN;
    const struct session_hash hash = hash_of(dialect, secret, account_id);
    int64_t left_ms;
    const enum err err = sessions_check(worker->pg, &hash, owner_r, &left_ms);
    return err == ERR_TOKEN_EXPIRED || err == ERR_BANNED ? ERR_TOKEN : err == ERR_JID_NONE ? OK : err;
}

enum err app_session_close(struct worker *worker, enum session_dialect dialect, struct secret secret,
                           int64_t account_id)
{
    int64_t owner;
    const enum err err = app_session_check(worker, dialect, secret, account_id, &owner);
    if (err != OK)
        return err;
    const struct session_hash hash = hash_of(dialect, secret, account_id);
    return sessions_end(worker->pg, &hash);
}

static enum err log_out(struct call *call, struct worker *worker)
{
    const struct logout_io *io = call->io;
    return app_session_close(worker, io->dialect, io->secret, io->account_id);
}

const struct op op_logout = {"logout", {{ON_DB, log_out}}};
