#include "component/readiness.h"

#include <pthread.h>
#include <stdlib.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/cache/redis.h"
#include "sql/brake.h"
#include "sql/pg.h"
#include "xmpp/xmpp.h"

enum { DEADLINE_MS = 800 };

struct readiness {
    struct pg_config pg_config;
    struct redis_config redis_config;
    struct pg *pg;
    struct redis *redis;
    pthread_mutex_t lock; /* over xmpp, which comes and goes on main's thread */
    struct xmpp *xmpp;    /* NULL while closed */
    const atomic_bool *name_taken;
};

struct readiness *readiness_new(const struct pg_config *pg, const struct redis_config *redis)
{
    struct readiness *readiness = xcalloc(1, sizeof *readiness);
    readiness->pg_config = *pg;
    readiness->pg_config.connect_timeout_ms = readiness->pg_config.statement_timeout_ms = DEADLINE_MS;
    readiness->redis_config = *redis;
    readiness->redis_config.timeout_ms = DEADLINE_MS;
    readiness->pg = pg_new(&readiness->pg_config);
    readiness->redis = redis_new(&readiness->redis_config);
    pthread_mutex_init(&readiness->lock, NULL);
    return readiness;
}

void readiness_free(struct readiness **readiness)
{
    if (*readiness == NULL)
        return;
    pg_free(&(*readiness)->pg);
    redis_free(&(*readiness)->redis);
    pthread_mutex_destroy(&(*readiness)->lock);
    free(*readiness);
    *readiness = NULL;
}

static void set_xmpp(struct readiness *readiness, struct xmpp *xmpp)
{
    pthread_mutex_lock(&readiness->lock);
    readiness->xmpp = xmpp;
    pthread_mutex_unlock(&readiness->lock);
}

void readiness_open(struct readiness *readiness, struct xmpp *xmpp, const atomic_bool *name_taken)
{
    readiness->name_taken = name_taken; /* before it is looked at: what follows is locked */
    set_xmpp(readiness, xmpp);
}

void readiness_close(struct readiness *readiness)
{
    set_xmpp(readiness, NULL);
}

static bool redis_answers(struct redis *redis)
{
    redisReply *reply = NULL;
    const enum err err = redis_do(redis, &reply, "PING");
    if (err == OK)
        freeReplyObject(reply);
    return err == OK;
}

static bool xmpp_is_ready(struct readiness *readiness, bool login_only, struct buf *why)
{
    struct xmpp_status status = {0};
    pthread_mutex_lock(&readiness->lock);
    const bool open = readiness->xmpp != NULL;
    if (open)
        xmpp_status(readiness->xmpp, &status);
    pthread_mutex_unlock(&readiness->lock);
    if (!open)
        buf_puts(why, "registrard: starting or stopping\n");
    if (login_only || !open)
        return open;
    if (!status.ready)
        buf_printf(why, "xmpp: %s\n", status.reason[0] != '\0' ? status.reason : "not ready");
    const bool name_taken = *readiness->name_taken;
    if (name_taken)
        buf_puts(why, "registrard: another process has the same server.instance\n");
    return status.ready && !name_taken;
}

static bool is_open(struct readiness *readiness)
{
    pthread_mutex_lock(&readiness->lock);
    const bool open = readiness->xmpp != NULL;
    pthread_mutex_unlock(&readiness->lock);
    return open;
}

/* It can do its work all the same. Before it is open the schema may not be there. */
static void note_brake(struct readiness *readiness, struct buf *why)
{
    if (!is_open(readiness))
        return;
    enum brake brake;
    if (brake_get(readiness->pg, &brake) == OK && brake == BRAKE_ON)
        buf_puts(why, "reconcile: too many accounts have drifted, nothing is mended; see docs/reconcile.md\n");
}

bool readiness_check(void *arg, bool login_only, struct buf *why)
{
    struct readiness *readiness = arg;
    const bool postgres = pg_ping(readiness->pg) == OK;
    const bool redis = redis_answers(readiness->redis);
    if (!postgres)
        buf_puts(why, "postgres: cannot be reached\n");
    if (!redis)
        buf_puts(why, "redis: cannot be reached\n");
    const bool xmpp = xmpp_is_ready(readiness, login_only, why);
    if (postgres)
        note_brake(readiness, why);
    return postgres && redis && xmpp;
}
