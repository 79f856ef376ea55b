#include "component/service/tokens.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/text.h"
#include "component/cache/limits.h"
#include "component/cache/token_cache.h"
#include "component/service/services.h"
#include "sql/jids.h"
#include "sql/meta.h"
#include "sql/sessions.h"

enum { TOKEN_BYTES = 32, TOKEN_LENGTH = BASE64URL_SIZE(TOKEN_BYTES) - 1 };
/* A tombstone outlives every look-up that began before it. */
enum { TOMBSTONE_EXTRA_MS = 60000, NONCE_MS = 600000 };

static struct token_key key_of(struct secret token)
{
    struct token_key key;
    sha256(secret_expose(token), token.length, key.hash);
    return key;
}

static int64_t now_unix_ms(void)
{
    return clock_unix() * 1000;
}

bool tokens_check_here(struct services *services, struct credential *credential, enum err *err_r)
{
    *err_r = OK;
    if (credential->jid_local != NULL)
        return false;
    if (secret_is_empty(credential->token)) {
        *err_r = credential->backend ? OK : ERR_UNAUTHORIZED;
        return true;
    }
    if (credential->token.length != TOKEN_LENGTH) {
        *err_r = ERR_TOKEN;
        return true;
    }
    const struct token_key key = key_of(credential->token);
    struct token_entry entry;
    if (!token_memory_get(services->token_memory, &key, &entry) || entry.expires_unix_ms <= now_unix_ms())
        return false;
    credential->account_id = entry.account_id;
    metric_add(M_TOKEN_CHECKS, "memory", 1);
    return true;
}

static bool distrusted(const struct services *services)
{
    return services->epoch_missed != services->epoch_told;
}

static enum err find_in_postgres(struct services *services, struct worker *worker, int64_t epoch,
                                 const struct token_key *key, struct token_entry *entry_r)
{
    struct session_hash hash;
    memcpy(hash.bytes, key->hash, sizeof hash.bytes);
    int64_t left_ms = 0;
    const enum err err = sessions_check(worker->pg, &hash, &entry_r->account_id, &left_ms);
    if (err != OK)
        return err == ERR_BANNED ? ERR_TOKEN : err;
    entry_r->expires_unix_ms = now_unix_ms() + left_ms;
    metric_add(M_TOKEN_CHECKS, "postgres", 1);
    if (!distrusted(services) &&
        token_cache_put(worker->redis, epoch, key, entry_r, services->settings.token_cache_lifetime_ms) != OK)
        log_debug("token_not_cached");
    return OK;
}

static enum err find(struct services *services, struct worker *worker, const struct token_key *key,
                     struct token_entry *entry_r)
{
    const int64_t epoch = services->epoch; /* of before the look-up: its answer must not be kept under a newer one */
    if (!distrusted(services)) {
        const enum err err = token_cache_get(worker->redis, epoch, key, entry_r);
        if (err == OK && entry_r->expires_unix_ms > now_unix_ms()) {
            metric_add(M_TOKEN_CHECKS, "redis", 1);
            return OK;
        }
        if (err == ERR_TOKEN)
            return ERR_TOKEN;
    }
    return find_in_postgres(services, worker, epoch, key, entry_r);
}

/* A backend that sends a nonce wants no request of its to count twice. */
static enum err check_nonce(struct worker *worker, const struct credential *credential)
{
    if (credential->nonce == NULL)
        return OK;
    const enum err err = nonce_once(worker->redis, "backend", credential->nonce, NONCE_MS);
    return err == ERR_CONFLICT ? ERR_SIGN : err;
}

static enum err check_jid(struct worker *worker, struct credential *credential)
{
    const enum err err = jids_check(worker->pg, credential->jid_local, &credential->account_id);
    return err == ERR_NO_SUCH_NAME ? ERR_UNAUTHORIZED : err;
}

enum err tokens_check(struct services *services, struct worker *worker, struct credential *credential)
{
    enum err err;
    if (credential->jid_local != NULL)
        return check_jid(worker, credential);
    if (tokens_check_here(services, credential, &err))
        return err == OK && credential->account_id == 0 ? check_nonce(worker, credential) : err;
    const struct token_key key = key_of(credential->token);
    const uint64_t generation = token_memory_generation(services->token_memory);
    struct token_entry entry;
    if ((err = find(services, worker, &key, &entry)) != OK)
        return err;
    token_memory_put(services->token_memory, generation, &key, &entry);
    credential->account_id = entry.account_id;
    return OK;
}

enum err tokens_check_again(struct worker *worker, const struct credential *credential)
{
    struct session_hash hash;
    int64_t account_id = 0, left_ms = 0;
    if (secret_is_empty(credential->token))
        return OK;
    const struct token_key key = key_of(credential->token);
    memcpy(hash.bytes, key.hash, sizeof hash.bytes);
    const enum err err = sessions_check(worker->pg, &hash, &account_id, &left_ms);
    return err == ERR_BANNED ? ERR_TOKEN : err;
}

enum err tokens_issue(struct services *services, struct worker *worker, struct arena *arena, int64_t account_id,
                      struct secret *token_r)
{
    uint8_t bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    char *token = arena_alloc(arena, TOKEN_LENGTH + 1);
    base64url_encode(bytes, sizeof bytes, token);
    secret_wipe(bytes, sizeof bytes);
    *token_r = secret_of(token, TOKEN_LENGTH);
    const struct token_key key = key_of(*token_r);
    struct session_hash hash, *ended = NULL;
    memcpy(hash.bytes, key.hash, sizeof hash.bytes);
    size_t ended_count = 0;
    const enum err err =
        sessions_open(worker->pg, arena, account_id, SESSION_003, &hash, services->settings.token_lifetime_ms,
                      services->settings.tokens_per_account, &ended, &ended_count);
    if (err == OK && ended_count > 0)
        tokens_revoke(services, worker, ended, ended_count);
    return err;
}

static void advance_epoch(struct services *services, int64_t epoch)
{
    int_least64_t known = services->epoch;
    while (known < epoch && !atomic_compare_exchange_weak(&services->epoch, &known, epoch))
        ;
}

/* All that Redis holds is old from now on. Covers the misses that are counted when it begins: their revocations were
 * committed before. */
static enum err raise_epoch(struct services *services, struct worker *worker)
{
    const uint_least64_t missed = services->epoch_missed;
    int64_t epoch = 0;
    const enum err err = meta_raise_epoch(worker->pg, &epoch);
    if (err != OK)
        return err;
    advance_epoch(services, epoch);
    uint_least64_t told = services->epoch_told;
    while (told < missed && !atomic_compare_exchange_weak(&services->epoch_told, &told, missed))
        ;
    log_warn("token_cache_renewed", F("epoch", epoch));
    return OK;
}

/* Redis missed a revocation. Until Postgres is told this process does not ask it. */
static void distrust(struct services *services, struct worker *worker)
{
    services->epoch_missed++;
    if (raise_epoch(services, worker) != OK)
        log_warn("token_cache_distrusted"); /* tokens_follow_epoch will tell Postgres */
}

void tokens_doubt(struct services *services, struct worker *worker)
{
    distrust(services, worker);
    token_memory_clear(services->token_memory);
}

void tokens_revoke(struct services *services, struct worker *worker, const struct session_hash *ended, size_t count)
{
    if (count == 0)
        return;
    struct arena *arena = arena_new();
    struct token_key *keys = arena_array(arena, count, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        memcpy(keys[i].hash, ended[i].bytes, sizeof keys[i].hash);
    const int64_t lifetime_ms = services->settings.token_cache_lifetime_ms + TOMBSTONE_EXTRA_MS;
    if (token_cache_revoke(worker->redis, keys, count, lifetime_ms) != OK)
        distrust(services, worker);
    /* last: from here on a check that misses the memory finds the tombstone, or Postgres */
    for (size_t i = 0; i < count; i++)
        token_memory_revoke(services->token_memory, &keys[i]);
    arena_free(&arena);
}

enum err tokens_follow_epoch(struct services *services, struct worker *worker)
{
    if (distrusted(services))
        return raise_epoch(services, worker);
    int64_t epoch = 0;
    const enum err err = meta_epoch(worker->pg, &epoch);
    if (err == OK && epoch > services->epoch) {
        advance_epoch(services, epoch);
        token_memory_clear(services->token_memory);
    }
    return err;
}

static enum err verify_here(struct call *call, struct worker *worker)
{
    (void)worker;
    enum err err;
    if (tokens_check_here(call->services, call->io, &err))
        call_done(call);
    return err;
}

static enum err verify(struct call *call, struct worker *worker)
{
    return tokens_check(call->services, worker, call->io);
}

const struct op op_verify_token = {"verify_token", {{ON_CALLER, verify_here}, {ON_DB, verify}}};
