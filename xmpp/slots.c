/* Who waits lies in a list on its own stack, with a condition of its own; whoever gives slots back passes them to the
 * head of the list for as long as they suffice. */
#include "xmpp/slots.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"

struct waiter {
    unsigned wanted;
    bool served;
    pthread_cond_t changed;
    struct waiter *next;
};

struct slots {
    pthread_mutex_t lock;
    pthread_condattr_t monotonic;
    unsigned limit;
    unsigned free;
    bool closed;
    struct waiter *head;
    struct waiter **tail;
};

struct slots *slots_new(unsigned limit)
{
    struct slots *slots = xcalloc(1, sizeof *slots);
    pthread_mutex_init(&slots->lock, NULL);
    pthread_condattr_init(&slots->monotonic);
    pthread_condattr_setclock(&slots->monotonic, CLOCK_MONOTONIC);
    slots->limit = limit;
    slots->free = limit;
    slots->tail = &slots->head;
    return slots;
}

void slots_free(struct slots **slots)
{
    if (*slots == NULL)
        return;
    pthread_condattr_destroy(&(*slots)->monotonic);
    pthread_mutex_destroy(&(*slots)->lock);
    free(*slots);
    *slots = NULL;
}

/* Passes what is free to those who wait, in order; to nobody once closed. */
static void serve(struct slots *slots)
{
    while (!slots->closed && slots->head != NULL && slots->head->wanted <= slots->free) {
        struct waiter *waiter = slots->head;
        slots->head = waiter->next;
        if (slots->head == NULL)
            slots->tail = &slots->head;
        slots->free -= waiter->wanted;
        waiter->served = true;
        pthread_cond_signal(&waiter->changed);
    }
}

static void leave(struct slots *slots, const struct waiter *waiter)
{
    struct waiter **at = &slots->head;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    if (waiter->next == NULL)
        slots->tail = at;
    serve(slots); /* whoever was behind may need less */
}

enum err slots_take(struct slots *slots, unsigned wanted, int64_t deadline_ms, unsigned *taken_r)
{
    const struct timespec deadline = {.tv_sec = deadline_ms / 1000, .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    struct waiter waiter = {.wanted = wanted < slots->limit ? wanted : slots->limit};
    pthread_cond_init(&waiter.changed, &slots->monotonic);
    pthread_mutex_lock(&slots->lock);
    *slots->tail = &waiter;
    slots->tail = &waiter.next;
    serve(slots);
    int failed = 0;
    while (!waiter.served && !slots->closed && failed == 0)
        failed = pthread_cond_timedwait(&waiter.changed, &slots->lock, &deadline);
    if (!waiter.served)
        leave(slots, &waiter);
    enum err err = waiter.served ? OK : slots->closed ? ERR_SHUTDOWN : ERR_TIMEOUT;
    pthread_mutex_unlock(&slots->lock);
    pthread_cond_destroy(&waiter.changed);
    *taken_r = err == OK ? waiter.wanted : 0;
    return err;
}

void slots_give(struct slots *slots, unsigned taken)
{
    pthread_mutex_lock(&slots->lock);
    slots->free += taken;
    serve(slots);
    pthread_mutex_unlock(&slots->lock);
}

bool slots_are_busy(struct slots *slots, unsigned own)
{
    pthread_mutex_lock(&slots->lock);
    const bool busy = 2 * (slots->limit - slots->free - own) >= slots->limit;
    pthread_mutex_unlock(&slots->lock);
    return busy;
}

void slots_close(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    slots->closed = true;
    for (struct waiter *waiter = slots->head; waiter != NULL; waiter = waiter->next)
        pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&slots->lock);
}
