/* Requests that wait for their answers.
 *
 * A thread that wants answers registers an exchange (one or more requests that are written together), then waits; the
 * XMPP thread hands each answer to the request whose id it has and whose peer it comes from. Everything has a deadline
 * on the monotonic clock, and one exchange wakes only the thread that waits for it. An answer that nobody waits for
 * (late, forged, from somebody else) is not taken. Thread-safe. */
#ifndef XMPP_PENDING_H
#define XMPP_PENDING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "xmpp/element.h"

enum { REQUEST_ID_SIZE = 40, REQUEST_PEER_SIZE = 512 };

struct request {
    char id[REQUEST_ID_SIZE];
    char peer[REQUEST_PEER_SIZE]; /* the JID that must answer, compared exactly */
    enum err result;              /* after waiting. OK: there is an answer, of type result or error. ERR_NOT_FOUND: none
                                     came before the barrier's. ERR_TOO_LARGE: it was over a limit */
    struct tree *answer;          /* then the caller's */
    bool answered;                /* be it by pending_refuse */
};

/* The caller's memory, registered from pending_begin until pending_wait returns. */
struct exchange {
    struct request *requests;
    size_t count;
    bool barrier; /* the last answer ends it: a server that answers in order will not answer the others any more */
    size_t outstanding;
    enum err failed; /* of the whole exchange: the link broke, or we are stopping */
    uint64_t place;  /* out, of link_call: see link_places */
    pthread_cond_t changed;
    struct exchange *next;
};

struct pending;

struct pending *pending_new(void);
/* Nothing may be registered any more. */
void pending_free(struct pending **pending);
/* An id that no other request of any component or run has: a random prefix of this process, and a counter. */
void pending_id(struct pending *pending, char id_r[REQUEST_ID_SIZE]);
/* Registers it. Must be followed by pending_wait, and come before the bytes can reach the server. */
void pending_begin(struct pending *pending, struct exchange *exchange);
/* Until all answers are there or deadline_ms has passed. OK, or the first request's error (ERR_TIMEOUT, or what
 * pending_fail said); the requests that were answered hold their answers in either case. */
MUST_CHECK enum err pending_wait(struct pending *pending, struct exchange *exchange, int64_t deadline_ms);
/* Hands over an iq of type result or error. False: nobody waits for it, the tree is still the caller's. */
MUST_CHECK bool pending_answer(struct pending *pending, struct tree *iq);
/* Somebody waits for an answer to this id: one that was not taken comes from another than was asked. */
bool pending_expects(struct pending *pending, const char *id);
/* The answer is there, but cannot be handed over: the request's result is `err`. Of the iq its attributes are enough.
 */
void pending_refuse(struct pending *pending, const struct element *iq, enum err err);
/* Ends the waiting of all that is registered now. */
void pending_fail(struct pending *pending, enum err err);

#endif
