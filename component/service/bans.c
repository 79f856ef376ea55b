#include "component/service/bans.h"

#include "component/base/log.h"
#include "component/service/call.h"
#include "component/service/jid_password.h"
#include "component/service/services.h"
#include "component/service/tokens.h"
#include "sql/accounts.h"
#include "sql/doors.h"
#include "sql/meta.h"
#include "sql/outbox.h"
#include "sql/pg.h"
#include "sql/sessions.h"

struct ended {
    struct session_hash *hashes;
    size_t count;
};

/* The new epoch is committed with the end of the sessions: whoever is killed after that has nothing left to tell. */
static enum err end_sessions(struct worker *worker, struct arena *arena, int64_t id, struct ended *ended)
{
    int64_t epoch;
    const enum err err = sessions_end_all(worker->pg, arena, id, &ended->hashes, &ended->count);
    return err == OK && ended->count > 0 ? meta_raise_epoch(worker->pg, &epoch) : err;
}

static enum err finish(struct worker *worker, enum err err)
{
    if (err == OK)
        return pg_commit(worker->pg);
    pg_rollback(worker->pg);
    return err;
}

/* Others see it by their epoch within a second; this makes it at once. */
static void tell(struct services *services, struct worker *worker, enum err err, const struct ended *ended,
                 size_t *ended_r)
{
    if (err == OK)
        tokens_revoke(services, worker, ended->hashes, ended->count);
    *ended_r = err == OK ? ended->count : 0;
}

enum err account_ban(struct services *services, struct worker *worker, struct arena *arena, int64_t id, size_t *ended_r)
{
    struct ended ended = {0};
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = doors_ban(worker->pg, id);
    if (err == OK)
        err = end_sessions(worker, arena, id, &ended);
    if (err == OK)
        err = outbox_add(worker->pg, OUTBOX_DOOR, id, NULL);
    err = finish(worker, err);
    tell(services, worker, err, &ended, ended_r);
    return err;
}

enum err account_unban(struct worker *worker, int64_t id)
{
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = doors_unban(worker->pg, id);
    if (err == OK)
        err = outbox_add(worker->pg, OUTBOX_DOOR, id, NULL);
    return finish(worker, err);
}

enum err account_end_sessions(struct services *services, struct worker *worker, struct arena *arena, int64_t id,
                              size_t *ended_r)
{
    struct ended ended = {0};
    enum err err = pg_begin(worker->pg);
    if (err == OK)
        err = accounts_lock(worker->pg, id);
    if (err == OK)
        err = end_sessions(worker, arena, id, &ended);
    err = finish(worker, err);
    tell(services, worker, err, &ended, ended_r);
    return err;
}

/* In a transaction that holds the account. One that is to come already, and that we can open, stays. */
static enum err set_next(const struct services *services, struct worker *worker, struct arena *arena, int64_t id)
{
    struct account account;
    struct door door;
    struct secret next;
    enum err err = accounts_get(worker->pg, arena, id, &account);
    if (err == OK)
        err = doors_get(worker->pg, arena, id, &door);
    if (err != OK)
        return err;
    if (door.next.bytes != NULL && jid_password_open(services, arena, account.jid_local, door.next, &next) == OK)
        return OK;
    const struct sealed fresh = jid_password_new(services, arena, account.jid_local);
    return doors_set_next(worker->pg, id, &fresh);
}

static enum err rotate_one(const struct services *services, struct worker *worker, struct arena *arena, int64_t id,
                           int64_t delay_ms)
{
    enum err err = accounts_lock(worker->pg, id);
    if (err == OK)
        err = set_next(services, worker, arena, id);
    return err == OK ? outbox_add_later(worker->pg, OUTBOX_DOOR, id, delay_ms) : err;
}

enum err accounts_rotate(const struct services *services, struct worker *worker, struct arena *arena,
                         const int64_t *ids, size_t count, int64_t delay_ms, int64_t step_ms, size_t *rotated_r)
{
    size_t rotated = 0;
    enum err err = pg_begin(worker->pg);
    for (size_t i = 0; err == OK && i < count; i++) {
        err = rotate_one(services, worker, arena, ids[i], delay_ms + (int64_t)rotated * step_ms);
        if (err == OK)
            rotated++;
        else if (err == ERR_NOT_FOUND)
            err = OK;
    }
    err = finish(worker, err);
    *rotated_r = err == OK ? rotated : 0;
    return err;
}
