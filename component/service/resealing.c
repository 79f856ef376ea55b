#include "component/service/resealing.h"

#include <inttypes.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/service/jid_password.h"
#include "sql/pg.h"

enum { BATCH = 200 };

static const char *jid_context(struct arena *arena, const struct sealed_value *value)
{
    return jid_password_context(arena, value->jid_local);
}

/* As phone_password.c has it. */
static const char *secret_context(struct arena *arena, const struct sealed_value *value)
{
    return arena_printf(arena, "secret:%s", value->name);
}

/* As profile.c has it. */
static const char *identity_context(struct arena *arena, const struct sealed_value *value)
{
    return arena_printf(arena, "identity:%" PRId64, value->account_id);
}

static const struct {
    const char *name;
    const char *(*context)(struct arena *arena, const struct sealed_value *value);
} kinds[SEALED_KINDS] = {
    [SEALED_JID_PASSWORD] = {"jid passwords", jid_context},
    [SEALED_NEXT_PASSWORD] = {"jid passwords to come", jid_context},
    [SEALED_SECRET] = {"secrets of dialect 004", secret_context},
    [SEALED_IDENTITY] = {"identity cards", identity_context},
};

const char *resealing_kind_name(enum sealed_kind kind)
{
    return kinds[kind].name;
}

static enum err reseal(struct pg *pg, const struct keyring *ring, enum sealed_kind kind, struct arena *arena,
                       const struct sealed_value *value, struct resealed *resealed)
{
    const char *context = kinds[kind].context(arena, value);
    struct secret plain;
    if (unseal(ring, arena, context, value->sealed, &plain) != OK) {
        log_warn("sealed_by_lost_key", F("account", value->account_id), F("key", value->sealed.key_id));
        resealed->lost++;
        return OK;
    }
    const struct sealed fresh = seal(ring, arena, context, plain);
    const enum err err = sealed_values_put(pg, kind, value, &fresh);
    resealed->done += err == OK;
    return err;
}

static enum err run_batch(struct pg *pg, const struct keyring *ring, enum sealed_kind kind, int64_t *after,
                          size_t *count_r, struct resealed *resealed_r)
{
    struct arena *arena = arena_new();
    struct sealed_value *values = NULL;
    struct resealed resealed = *resealed_r;
    enum err err = pg_begin(pg);
    if (err == OK)
        err = sealed_values_get(pg, arena, kind, keyring_first(ring), *after, BATCH, &values, count_r);
    for (size_t i = 0; err == OK && i < *count_r; i++)
        err = reseal(pg, ring, kind, arena, &values[i], &resealed);
    if (err == OK)
        err = pg_commit(pg);
    else
        pg_rollback(pg);
    if (err == OK) {
        *after = *count_r > 0 ? values[*count_r - 1].account_id : *after;
        *resealed_r = resealed;
    }
    arena_free(&arena);
    return err;
}

enum err resealing_run(struct pg *pg, const struct keyring *ring, enum sealed_kind kind, struct resealed *resealed_r)
{
    enum err err = OK;
    int64_t after = 0;
    size_t count = BATCH;
    *resealed_r = (struct resealed){0};
    while (err == OK && count == BATCH)
        err = run_batch(pg, ring, kind, &after, &count, resealed_r);
    return err;
}
