/* A list under a mutex: there are as many readings as requests in flight, which is tens. Of an account it holds at most
 * one that is in flight and one that is waited for. */
#include "xmpp/readings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"

enum { LOCAL_SIZE = 256 };

enum state { WAITED_FOR, IN_FLIGHT, OVER };

struct reading {
    struct readings *readings;
    struct reading *next; /* in the list, unless it is over */
    char local[LOCAL_SIZE];
    enum state state;
    unsigned users;
    pthread_cond_t changed; /* it is over, or may be begun */
    enum err result;
    struct arena *arena;
    struct roster roster;
};

struct readings {
    pthread_mutex_t lock;
    pthread_condattr_t monotonic;
    struct reading *first;
};

struct readings *readings_new(void)
{
    struct readings *readings = xcalloc(1, sizeof *readings);
    pthread_mutex_init(&readings->lock, NULL);
    pthread_condattr_init(&readings->monotonic);
    pthread_condattr_setclock(&readings->monotonic, CLOCK_MONOTONIC);
    return readings;
}

void readings_free(struct readings **readings)
{
    if (*readings == NULL)
        return;
    pthread_condattr_destroy(&(*readings)->monotonic);
    pthread_mutex_destroy(&(*readings)->lock);
    free(*readings);
    *readings = NULL;
}

/* ---- under the lock ---- */

static struct reading *find(struct readings *readings, const char *local, enum state state)
{
    struct reading *reading = readings->first;
    while (reading != NULL && (reading->state != state || strcmp(reading->local, local) != 0))
        reading = reading->next;
    return reading;
}

static void take_out(struct reading *reading)
{
    struct reading **at = &reading->readings->first;
    while (*at != reading)
        at = &(*at)->next;
    *at = reading->next;
}

/* One that is waited for, with one more user. */
static struct reading *enter(struct readings *readings, const char *local)
{
    struct reading *reading = find(readings, local, WAITED_FOR);
    if (reading == NULL) {
        reading = xcalloc(1, sizeof *reading);
        reading->readings = readings;
        snprintf(reading->local, sizeof reading->local, "%s", local);
        pthread_cond_init(&reading->changed, &readings->monotonic);
        reading->arena = arena_new();
        reading->next = readings->first;
        readings->first = reading;
    }
    reading->users++;
    return reading;
}

static void leave(struct reading *reading)
{
    if (--reading->users > 0)
        return;
    if (reading->state != OVER)
        take_out(reading);
    pthread_cond_destroy(&reading->changed);
    arena_free(&reading->arena);
    free(reading);
}

static bool may_begin(const struct reading *reading)
{
    return reading->state == WAITED_FOR && find(reading->readings, reading->local, IN_FLIGHT) == NULL;
}

/* Whether the result is one about the roster, and not about the reader. */
static bool serves_others(const struct reading *reading)
{
    switch (reading->result) {
    case OK:
    case ERR_NOT_FOUND:
    case ERR_TOO_LARGE:
    case ERR_XMPP:
        return true;
    default:
        return false;
    }
}

/* ---- for all ---- */

struct reading *readings_begin(struct readings *readings, const char *local)
{
    struct reading *reading = NULL;
    pthread_mutex_lock(&readings->lock);
    if (find(readings, local, IN_FLIGHT) == NULL) {
        reading = enter(readings, local); /* those who wait for it already have written */
        reading->state = IN_FLIGHT;
    }
    pthread_mutex_unlock(&readings->lock);
    return reading;
}

enum err readings_await(struct readings *readings, const char *local, int64_t deadline_ms, struct reading **reading_r,
                        bool *mine_r)
{
    const struct timespec deadline = {.tv_sec = deadline_ms / 1000, .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    bool expired = false;
    *mine_r = false;
    pthread_mutex_lock(&readings->lock);
    struct reading *reading = enter(readings, local);
    while (reading->state != OVER || !serves_others(reading)) {
        if (reading->state == OVER) {
            leave(reading);
            reading = enter(readings, local);
            continue;
        }
        *mine_r = may_begin(reading);
        if (*mine_r || expired)
            break;
        expired = pthread_cond_timedwait(&reading->changed, &readings->lock, &deadline) != 0;
    }
    if (*mine_r)
        reading->state = IN_FLIGHT;
    const bool served = *mine_r || reading->state == OVER;
    if (!served)
        leave(reading);
    pthread_mutex_unlock(&readings->lock);
    *reading_r = served ? reading : NULL;
    return served ? OK : ERR_TIMEOUT;
}

struct arena *reading_arena(struct reading *reading)
{
    return reading->arena;
}

void reading_finish(struct reading *reading, enum err result, const struct roster *roster)
{
    struct readings *readings = reading->readings;
    pthread_mutex_lock(&readings->lock);
    reading->result = result;
    if (result == OK)
        reading->roster = *roster;
    take_out(reading);
    reading->state = OVER;
    pthread_cond_broadcast(&reading->changed);
    struct reading *next = find(readings, reading->local, WAITED_FOR);
    if (next != NULL)
        pthread_cond_broadcast(&next->changed); /* who begins it may just be giving up */
    pthread_mutex_unlock(&readings->lock);
}

enum err reading_result(const struct reading *reading, const struct roster **roster_r)
{
    *roster_r = reading->result == OK ? &reading->roster : NULL;
    return reading->result;
}

void reading_drop(struct reading **reading)
{
    if (*reading == NULL)
        return;
    struct readings *readings = (*reading)->readings;
    pthread_mutex_lock(&readings->lock);
    leave(*reading);
    pthread_mutex_unlock(&readings->lock);
    *reading = NULL;
}
