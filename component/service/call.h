/* A call: one request's passage through the services, whichever transport and dialect it came by.
 *
 * An operation (struct op) is a list of steps, each of straight-line code on the lane that suits it: waiting for
 * Postgres or Redis on a database worker, argon2 on a hashing worker, nothing at all on the transport's own thread.
 * Between two steps the call lies in a queue or waits for a ticket; it always has exactly one holder, and who handed it
 * over does not touch it again. The op's input and output are one struct (`io`) in the call's arena: the dialect's
 * decoder fills the input, its renderer reads the output.
 *
 *     const struct op op_login = {"login", {{ON_DB, find}, {ON_HASH, verify}, {ON_DB, open_session}}};
 *
 * A step that returns an error, or calls call_done, is the last one. `finished` is called exactly once, on the thread
 * that ran the last step, or on the caller's when a lane refuses. */
#ifndef REGISTRAR_SERVICE_CALL_H
#define REGISTRAR_SERVICE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/lane.h"

struct arena;
struct call;
struct hasher;
struct pg;
struct redis;
struct services;
struct sms_worker;
struct waiters;

/* What a worker owns; what its lane has no use for is NULL. */
struct worker {
    struct pg *pg;
    struct redis *redis;
    struct hasher *hasher;
    struct sms_worker *sms;
};

enum step_on {
    ON_NOTHING = 0, /* the end of the list */
    ON_CALLER,      /* on the transport's thread: must not block; first steps only; worker is NULL */
    ON_DB,          /* Postgres and Redis */
    ON_HASH,        /* computing */
    ON_SMS,         /* waiting for a provider */
    ON_WAIT,        /* no code: the call sleeps until its ticket is punched or the ticket's deadline has passed */
};

enum { OP_STEPS_MAX = 5 };

struct op_step {
    enum step_on on;
    enum err (*run)(struct call *call, struct worker *worker);
};

struct op {
    const char *name; /* static: metrics and the log */
    struct op_step steps[OP_STEPS_MAX + 1];
};

enum { PEER_TEXT_SIZE = 48 };

/* An address for limits and the log: IPv4, or the /64 of an IPv6 address, as text ("192.0.2.7", "2001:db8::/64"); and
 * its network, the /24 or the /48 ("192.0.2.0/24", "2001:db8::/48"). */
struct peer_address {
    char text[PEER_TEXT_SIZE];
    char network[PEER_TEXT_SIZE];
};

struct call {
    struct lane_job job; /* first: the runner's */
    struct services *services;
    struct arena *arena;
    const struct op *op;
    void *io;
    struct peer_address peer;
    int64_t deadline_ms; /* for the whole call; lanes and sessions keep to it */
    void (*finished)(struct call *call);
    void *owner; /* the transport's */

    enum err result;        /* after the last step */
    unsigned retry_after_s; /* with ERR_LIMITED and ERR_BUSY; 0 when unknown */
    unsigned step;          /* the runner's, as what follows */
    bool done;
    bool settled; /* set by a step after its commit: what fails later does not change that the operation succeeded */
    /* Set by a step that leaves to a later one what nobody else does: what follows is run however late it is, and is
     * as quick about it as it can be when deadline_ms has passed. */
    bool must_finish;
    struct ticket *ticket;
    int64_t started_us;
};

/* Runs the leading ON_CALLER steps. True: the call is finished, `result` is set, `finished` was and will not be called.
 * False: the caller must now call call_submit, which hands the call over (possibly calling `finished` before it
 * returns). */
MUST_CHECK bool call_begin(struct call *call);
void call_submit(struct call *call);
/* In a step: the operation succeeded, later steps are skipped. */
void call_done(struct call *call);

/* For waiters.c: goes on after an ON_WAIT step. */
void call_wake(struct call *call);

/* The lanes that calls run on; main makes and stops them. A first step is refused (ERR_BUSY) when so many wait already;
 * the lanes' own limits leave room for later steps. */
struct runtime {
    struct lane *db;
    struct lane *hash;
    struct lane *sms;
    unsigned db_queue, hash_queue, sms_queue;
    struct waiters *waiters;
};

#endif
