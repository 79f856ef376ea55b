/* Waiting calls (waiters.h): a hash table from keys to tickets, one lock, and a thread that looks for deadlines while
 * anybody waits. */
#include "component/service/waiters.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "component/service/call.h"

enum { BUCKETS = 1024, TICK_MS = 20 };

/* One key of a ticket, in its bucket's list. */
struct hook {
    struct hook *next, **link; /* link: what points here; NULL when it is in no list */
    struct ticket *ticket;
    uint64_t key;
};

struct ticket {
    struct ticket *next, **link; /* among the parked */
    struct waiters *waiters;
    struct call *call;
    int64_t deadline_ms;
    size_t open; /* keys that were not punched yet */
    size_t count;
    struct hook hooks[];
};

struct waiters {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the first one parked, or stopping */
    pthread_t thread;
    bool closed, stopping;
    unsigned limit, tickets;
    struct ticket *parked;
    struct hook *buckets[BUCKETS];
};

static struct hook **bucket_of(struct waiters *waiters, uint64_t key)
{
    return &waiters->buckets[(key * 0x9E3779B97F4A7C15u) >> 54];
}

static void hook_in(struct waiters *waiters, struct hook *hook)
{
    struct hook **bucket = bucket_of(waiters, hook->key);
    hook->next = *bucket;
    hook->link = bucket;
    if (hook->next != NULL)
        hook->next->link = &hook->next;
    *bucket = hook;
}

static void unhook(struct hook *hook)
{
    if (hook->link == NULL)
        return;
    *hook->link = hook->next;
    if (hook->next != NULL)
        hook->next->link = hook->link;
    hook->link = NULL;
}

static void park_in(struct waiters *waiters, struct ticket *ticket)
{
    ticket->next = waiters->parked;
    ticket->link = &waiters->parked;
    if (ticket->next != NULL)
        ticket->next->link = &ticket->next;
    waiters->parked = ticket;
}

static void unpark(struct ticket *ticket)
{
    *ticket->link = ticket->next;
    if (ticket->next != NULL)
        ticket->next->link = ticket->link;
    ticket->link = NULL;
}

/* Under the lock: out of all lists. */
static void forget(struct ticket *ticket)
{
    for (size_t i = 0; i < ticket->count; i++)
        unhook(&ticket->hooks[i]);
    if (ticket->link != NULL)
        unpark(ticket);
    ticket->waiters->tickets--;
}

/* Wakes tickets that were forgotten and chained by `next`; not under the lock, since calls go on at once. */
static void wake_all(struct ticket *ticket)
{
    while (ticket != NULL) {
        struct ticket *next = ticket->next;
        struct call *call = ticket->call;
        call->ticket = NULL;
        free(ticket);
        call_wake(call);
        ticket = next;
    }
}

/* Under the lock: takes the parked tickets that are due (or all of them) out of the lists. */
static struct ticket *take_due(struct waiters *waiters, int64_t now_ms, bool all)
{
    struct ticket *due = NULL;
    for (struct ticket *ticket = waiters->parked, *next; ticket != NULL; ticket = next) {
        next = ticket->next;
        if (!all && ticket->deadline_ms > now_ms)
            continue;
        forget(ticket);
        ticket->next = due;
        due = ticket;
    }
    return due;
}

static void *watch(void *arg)
{
    struct waiters *waiters = arg;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    pthread_mutex_lock(&waiters->lock);
    while (!waiters->stopping) {
        if (waiters->parked == NULL) {
            pthread_cond_wait(&waiters->changed, &waiters->lock);
            continue;
        }
        struct ticket *due = take_due(waiters, clock_ms(), false);
        pthread_mutex_unlock(&waiters->lock);
        wake_all(due);
        nanosleep(&tick, NULL);
        pthread_mutex_lock(&waiters->lock);
    }
    pthread_mutex_unlock(&waiters->lock);
    return NULL;
}

enum err waiters_new(unsigned limit, struct waiters **waiters_r)
{
    struct waiters *waiters = xcalloc(1, sizeof *waiters);
    waiters->limit = limit;
    pthread_mutex_init(&waiters->lock, NULL);
    pthread_cond_init(&waiters->changed, NULL);
    const enum err err = thread_start("waiters", 0, watch, waiters, &waiters->thread);
    if (err == OK)
        *waiters_r = waiters;
    else
        free(waiters);
    return err;
}

void waiters_free(struct waiters **waiters_ref)
{
    struct waiters *waiters = *waiters_ref;
    if (waiters == NULL)
        return;
    pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    pthread_cond_signal(&waiters->changed);
    pthread_mutex_unlock(&waiters->lock);
    pthread_join(waiters->thread, NULL);
    pthread_mutex_destroy(&waiters->lock);
    pthread_cond_destroy(&waiters->changed);
    free(waiters);
    *waiters_ref = NULL;
}

void waiters_close(struct waiters *waiters)
{
    pthread_mutex_lock(&waiters->lock);
    waiters->closed = true;
    struct ticket *all = take_due(waiters, 0, true);
    pthread_mutex_unlock(&waiters->lock);
    wake_all(all);
}

enum err ticket_take(struct waiters *waiters, struct call *call, const uint64_t *keys, size_t count,
                     int64_t deadline_ms)
{
    struct ticket *ticket = xcalloc(1, sizeof *ticket + count * sizeof ticket->hooks[0]);
    *ticket =
        (struct ticket){.waiters = waiters, .call = call, .deadline_ms = deadline_ms, .open = count, .count = count};
    pthread_mutex_lock(&waiters->lock);
    const bool room = waiters->tickets < waiters->limit;
    if (room) {
        waiters->tickets++;
        for (size_t i = 0; i < count; i++) {
            ticket->hooks[i] = (struct hook){.ticket = ticket, .key = keys[i]};
            hook_in(waiters, &ticket->hooks[i]);
        }
    }
    pthread_mutex_unlock(&waiters->lock);
    if (!room) {
        free(ticket);
        return ERR_BUSY;
    }
    call->ticket = ticket;
    return OK;
}

void ticket_drop(struct call *call)
{
    struct ticket *ticket = call->ticket;
    if (ticket == NULL)
        return;
    pthread_mutex_lock(&ticket->waiters->lock);
    forget(ticket);
    pthread_mutex_unlock(&ticket->waiters->lock);
    call->ticket = NULL;
    free(ticket);
}

void ticket_park(struct call *call)
{
    struct ticket *ticket = call->ticket;
    if (ticket == NULL) { /* nothing to wait for */
        call_wake(call);
        return;
    }
    struct waiters *waiters = ticket->waiters;
    pthread_mutex_lock(&waiters->lock);
    const bool wait = ticket->open > 0 && !waiters->closed;
    if (wait) {
        park_in(waiters, ticket);
        pthread_cond_signal(&waiters->changed);
    }
    pthread_mutex_unlock(&waiters->lock);
    if (wait)
        return; /* it belongs to who wakes it now */
    ticket_drop(call);
    call_wake(call);
}

void waiters_punch(struct waiters *waiters, uint64_t key)
{
    struct ticket *woken = NULL;
    pthread_mutex_lock(&waiters->lock);
    for (struct hook *hook = *bucket_of(waiters, key), *next; hook != NULL; hook = next) {
        next = hook->next;
        if (hook->key != key)
            continue;
        unhook(hook);
        struct ticket *ticket = hook->ticket;
        if (--ticket->open > 0 || ticket->link == NULL)
            continue;
        forget(ticket);
        ticket->next = woken;
        woken = ticket;
    }
    pthread_mutex_unlock(&waiters->lock);
    wake_all(woken);
}

bool waiters_wait(struct waiters *waiters, uint64_t key)
{
    pthread_mutex_lock(&waiters->lock);
    const struct hook *hook = *bucket_of(waiters, key);
    while (hook != NULL && hook->key != key)
        hook = hook->next;
    pthread_mutex_unlock(&waiters->lock);
    return hook != NULL;
}
