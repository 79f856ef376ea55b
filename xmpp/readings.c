/* A list under a mutex: there are as many readings as requests in flight, which is tens. Of an account it holds at most
 * one that is in flight and one that is waited for. */
#include "xmpp/readings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/unreadable.h"

enum {
    LOCAL_SIZE = 256,
    HEAVY = 1024 * 1024 /* bytes of texts, which is twice what 5,000 contacts have */
};

enum state { WAITED_FOR, IN_FLIGHT, OVER };

struct reading {
    struct readings *readings;
    struct reading *next; /* in the list, unless it is over */
    char local[LOCAL_SIZE];
    enum state state;
    int64_t begun_ms;
    uint64_t place; /* all that has this one or a lower one was sent before it */
    unsigned users;
    pthread_cond_t changed; /* it is over, or may be begun */
    enum err result;
    struct arena *arena;
    struct roster roster;
};

struct readings {
    pthread_mutex_t lock;
    pthread_condattr_t monotonic;
    const atomic_uint_least64_t *places;
    struct reading *first;
    struct unreadable *unreadable;
};

struct readings *readings_new(const atomic_uint_least64_t *places)
{
    struct readings *readings = xcalloc(1, sizeof *readings);
    readings->places = places;
    readings->unreadable = unreadable_new();
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
    unreadable_free(&(*readings)->unreadable);
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

static struct reading *new_reading(struct readings *readings, const char *local)
{
    struct reading *reading = xcalloc(1, sizeof *reading);
    reading->readings = readings;
    snprintf(reading->local, sizeof reading->local, "%s", local);
    pthread_cond_init(&reading->changed, &readings->monotonic);
    reading->arena = arena_new();
    reading->next = readings->first;
    readings->first = reading;
    return reading;
}

/* One that is waited for. */
static struct reading *coming(struct readings *readings, const char *local)
{
    struct reading *reading = find(readings, local, WAITED_FOR);
    return reading != NULL ? reading : new_reading(readings, local);
}

/* Whether that was the last user: nobody can come to it any more, and the caller frees it. */
static bool leave(struct reading *reading)
{
    if (--reading->users > 0)
        return false;
    if (reading->state != OVER)
        take_out(reading);
    return true;
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

/* Who begins it serves all who wait for it: they have written. */
static void begin(struct reading *reading)
{
    reading->state = IN_FLIGHT;
    reading->begun_ms = clock_ms();
    reading->place = atomic_load(reading->readings->places);
}

static void note_weight(const struct reading *reading, bool heavy)
{
    const int64_t now_ms = clock_ms();
    struct unreadable *unreadable = reading->readings->unreadable;
    if (reading->result == OK && !heavy)
        unreadable_forget(unreadable, reading->local);
    if (heavy || reading->result == ERR_TOO_LARGE)
        unreadable_note(unreadable, reading->local, now_ms - reading->begun_ms, now_ms);
}

/* ---- without it ---- */

/* Of its texts. */
static size_t size_of(const struct roster *roster)
{
    size_t size = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_item *item = &roster->items[i];
        size += strlen(item->jid) + strlen(item->name);
        for (size_t group = 0; group < item->group_count; group++)
            size += strlen(item->groups[group]);
    }
    return size;
}

static void free_reading(struct reading *reading)
{
    pthread_cond_destroy(&reading->changed);
    arena_free(&reading->arena);
    free(reading);
}

/* ---- for all ---- */

bool readings_rest(struct readings *readings, const char *local, int parts)
{
    pthread_mutex_lock(&readings->lock);
    const bool rest = unreadable_rests(readings->unreadable, local, parts, clock_ms());
    pthread_mutex_unlock(&readings->lock);
    return rest;
}

struct reading *readings_begin(struct readings *readings, const char *local)
{
    struct reading *reading = NULL;
    pthread_mutex_lock(&readings->lock);
    if (find(readings, local, IN_FLIGHT) == NULL) {
        reading = coming(readings, local);
        reading->users++;
        begin(reading);
    }
    pthread_mutex_unlock(&readings->lock);
    return reading;
}

struct reading *readings_join(struct readings *readings, const char *local, uint64_t place, enum reading_part *part_r)
{
    pthread_mutex_lock(&readings->lock);
    struct reading *reading = find(readings, local, IN_FLIGHT);
    if (reading == NULL || reading->place < place)
        reading = coming(readings, local);
    reading->users++;
    *part_r = may_begin(reading) ? READING_MINE : READING_ANOTHERS;
    if (*part_r == READING_MINE)
        begin(reading);
    pthread_mutex_unlock(&readings->lock);
    return reading;
}

enum err reading_wait(struct reading *reading, int64_t deadline_ms, enum reading_part *part_r)
{
    const struct timespec deadline = {.tv_sec = deadline_ms / 1000, .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    struct readings *readings = reading->readings;
    bool expired = false;
    *part_r = READING_ANOTHERS;
    pthread_mutex_lock(&readings->lock);
    while (reading->state != OVER && !may_begin(reading) && !expired)
        expired = pthread_cond_timedwait(&reading->changed, &readings->lock, &deadline) != 0;
    enum err err = OK;
    if (reading->state == OVER) {
        err = serves_others(reading) ? OK : ERR_BUSY;
    } else if (may_begin(reading)) {
        begin(reading);
        *part_r = READING_MINE;
    } else {
        err = ERR_TIMEOUT;
    }
    pthread_mutex_unlock(&readings->lock);
    return err;
}

struct arena *reading_arena(struct reading *reading)
{
    return reading->arena;
}

void reading_finish(struct reading *reading, enum err result, const struct roster *roster)
{
    struct readings *readings = reading->readings;
    const bool heavy = result == OK && size_of(roster) > HEAVY;
    pthread_mutex_lock(&readings->lock);
    reading->result = result;
    if (result == OK)
        reading->roster = *roster;
    note_weight(reading, heavy);
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
    const bool last = leave(*reading);
    pthread_mutex_unlock(&readings->lock);
    if (last)
        free_reading(*reading);
    *reading = NULL;
}
