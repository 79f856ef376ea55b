/* A list under a mutex: as many exchanges are registered as there may be in flight, which is tens. */
#include "xmpp/pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/metrics.h"
#include "component/base/text.h"

enum { PREFIX_BYTES = 8 };

struct pending {
    pthread_mutex_t lock;
    char prefix[2 * PREFIX_BYTES + 1];
    uint64_t counter;
    struct exchange *first;
};

struct pending *pending_new(void)
{
    struct pending *pending = xcalloc(1, sizeof *pending);
    pthread_mutex_init(&pending->lock, NULL);
    unsigned char prefix[PREFIX_BYTES];
    random_bytes(prefix, sizeof prefix);
    hex_encode(prefix, sizeof prefix, pending->prefix);
    return pending;
}

void pending_free(struct pending **pending)
{
    if (*pending == NULL)
        return;
    pthread_mutex_destroy(&(*pending)->lock);
    free(*pending);
    *pending = NULL;
}

void pending_id(struct pending *pending, char id_r[REQUEST_ID_SIZE])
{
    pthread_mutex_lock(&pending->lock);
    uint64_t number = ++pending->counter;
    pthread_mutex_unlock(&pending->lock);
    snprintf(id_r, REQUEST_ID_SIZE, "%s-%" PRIx64, pending->prefix, number);
}

void pending_begin(struct pending *pending, struct exchange *exchange)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exchange->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    exchange->outstanding = exchange->count;
    exchange->failed = OK;
    for (size_t i = 0; i < exchange->count; i++) {
        exchange->requests[i].answered = false;
        exchange->requests[i].result = OK;
        exchange->requests[i].answer = NULL;
    }
    metric_move(M_XMPP_IN_FLIGHT, (int64_t)exchange->count);

    pthread_mutex_lock(&pending->lock);
    exchange->next = pending->first;
    pending->first = exchange;
    pthread_mutex_unlock(&pending->lock);
}

static void remove_exchange(struct pending *pending, struct exchange *exchange)
{
    struct exchange **at = &pending->first;
    while (*at != exchange)
        at = &(*at)->next;
    *at = exchange->next;
}

/* Why there is no answer. */
static enum err reason_of(const struct exchange *exchange)
{
    if (exchange->failed != OK)
        return exchange->failed;
    return exchange->outstanding == 0 ? ERR_NOT_FOUND : ERR_TIMEOUT;
}

/* No answer can reach the exchange any more. */
static enum err settle(struct exchange *exchange)
{
    enum err first = OK;
    for (size_t i = 0; i < exchange->count; i++) {
        struct request *request = &exchange->requests[i];
        if (!request->answered)
            request->result = reason_of(exchange);
        metric_add(M_XMPP_REQUESTS, err_name(request->result), 1);
        if (first == OK)
            first = request->result;
    }
    metric_move(M_XMPP_IN_FLIGHT, -(int64_t)exchange->count);
    pthread_cond_destroy(&exchange->changed);
    return first;
}

enum err pending_wait(struct pending *pending, struct exchange *exchange, int64_t deadline_ms)
{
    const struct timespec deadline = {.tv_sec = deadline_ms / 1000, .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    pthread_mutex_lock(&pending->lock);
    int failed = 0;
    while (exchange->outstanding > 0 && exchange->failed == OK && failed == 0)
        failed = pthread_cond_timedwait(&exchange->changed, &pending->lock, &deadline);
    remove_exchange(pending, exchange);
    pthread_mutex_unlock(&pending->lock);
    return settle(exchange);
}

static struct request *find(struct exchange *exchange, const char *id)
{
    for (size_t i = 0; i < exchange->count; i++) {
        struct request *request = &exchange->requests[i];
        if (!request->answered && strcmp(request->id, id) == 0)
            return request;
    }
    return NULL;
}

/* Under the lock. What answers a request: the iq itself (`tree`), or the reason why it cannot be handed over. */
static void settle_request(struct exchange *exchange, struct request *request, struct tree *tree, enum err err)
{
    request->answer = tree;
    request->result = err;
    request->answered = true;
    if (exchange->outstanding > 0) /* the barrier's may have been there before it */
        exchange->outstanding--;
    if (exchange->barrier && request == &exchange->requests[exchange->count - 1])
        exchange->outstanding = 0;
    if (exchange->outstanding == 0)
        pthread_cond_signal(&exchange->changed);
}

/* False: nobody waits for it. */
static bool answer(struct pending *pending, const struct element *iq, struct tree *tree, enum err err)
{
    const char *id = element_attribute_or_empty(iq, "id");
    const char *from = element_attribute_or_empty(iq, "from");
    struct request *request = NULL;
    pthread_mutex_lock(&pending->lock);
    for (struct exchange *exchange = pending->first; exchange != NULL && request == NULL; exchange = exchange->next) {
        request = find(exchange, id);
        if (request != NULL && strcmp(request->peer, from) != 0)
            request = NULL;
        if (request != NULL)
            settle_request(exchange, request, tree, err);
    }
    pthread_mutex_unlock(&pending->lock);
    return request != NULL;
}

bool pending_answer(struct pending *pending, struct tree *iq)
{
    return answer(pending, iq->root, iq, OK);
}

bool pending_expects(struct pending *pending, const char *id)
{
    bool expected = false;
    pthread_mutex_lock(&pending->lock);
    for (struct exchange *exchange = pending->first; exchange != NULL && !expected; exchange = exchange->next)
        expected = find(exchange, id) != NULL;
    pthread_mutex_unlock(&pending->lock);
    return expected;
}

void pending_refuse(struct pending *pending, const struct element *iq, enum err err)
{
    (void)answer(pending, iq, NULL, err);
}

void pending_fail(struct pending *pending, enum err err)
{
    pthread_mutex_lock(&pending->lock);
    for (struct exchange *exchange = pending->first; exchange != NULL; exchange = exchange->next) {
        exchange->failed = err;
        pthread_cond_signal(&exchange->changed);
    }
    pthread_mutex_unlock(&pending->lock);
}
