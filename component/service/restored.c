#include "component/service/restored.h"

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/cache/alive.h"
#include "sql/meta.h"
#include "sql/sessions.h"

/* The two are noted one after the other, and a standby may lag a little. */
enum { SLACK_MS = 30000, BATCH = 10000 };

enum err sessions_end_everywhere(struct pg *pg, int64_t *count_r)
{
    enum err err = OK;
    int64_t ended = BATCH, epoch;
    *count_r = 0;
    while (err == OK && ended == BATCH) {
        err = sessions_end_some(pg, BATCH, &ended);
        *count_r += err == OK ? ended : 0;
    }
    return err == OK ? meta_raise_epoch(pg, &epoch) : err;
}

static enum err answer(struct pg *pg, int64_t behind_ms)
{
    int64_t count = 0;
    const enum err err = sessions_end_everywhere(pg, &count);
    log_warn("database_set_back", F("seconds", behind_ms / 1000), F("sessions_ended", count), F_ERR(err));
    return err;
}

static enum err compare(struct pg *pg, struct redis *redis, const char *identity)
{
    int64_t known = 0, reached = 0;
    enum err err = alive_get(redis, identity, &known);
    if (err == OK)
        err = meta_alive(pg, &reached);
    if (err == OK && known > reached + SLACK_MS)
        err = answer(pg, known - reached);
    if (err == OK)
        err = meta_live(pg, &reached);
    return err == OK ? alive_set(redis, identity, reached) : err;
}

enum err restored_check(struct pg *pg, struct redis *redis)
{
    struct arena *arena = arena_new();
    const char *identity = NULL;
    enum err err = meta_identity(pg, arena, &identity);
    if (err == OK)
        err = compare(pg, redis, identity);
    arena_free(&arena);
    return err;
}
