/* One operation on the server: over which link, until when, with how many requests at once. Lives on the stack of the
 * thread that asked. And a batch: stanzas that are written in one go, with the answers that are awaited. */
#ifndef XMPP_TASK_H
#define XMPP_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/buf.h"
#include "component/base/err.h"
#include "xmpp/pending.h"
#include "xmpp/stanza.h"

struct http_api;
struct link;
struct readings;
struct slots;
struct xmpp_config;

struct task {
    const struct xmpp_config *config;
    struct link *link;
    uint64_t generation;       /* the link must be this one throughout */
    unsigned slots;            /* requests that it may have out at once: so many it holds */
    struct slots *shared;      /* where they come from */
    struct slots *opening;     /* command sessions that may be being opened at once, see adhoc.h */
    struct readings *readings; /* that are shared by all tasks */
    int64_t deadline_ms;
    struct http_api *api;     /* NULL without an api_url */
    bool may_check_passwords; /* of this server, see server.h */
    bool api_failed;          /* out: in a way that says that it is of no use */
};

/* Gives its slots to others: while it waits for what another task does. */
void task_let_go(struct task *task);
/* Has at least `wanted` of them again, or all when there are fewer altogether. As slots_take. */
MUST_CHECK enum err task_hold(struct task *task, unsigned wanted);

enum { TASK_JID_SIZE = REQUEST_PEER_SIZE };

/* local@domain of the server. */
void task_jid(const struct task *task, const char *local, char jid_r[TASK_JID_SIZE]);

enum { BATCH_REQUESTS_MAX = 8 };

/* Stanzas are built with the builder, between a batch_ beginning and batch_end. Errors of building stick and come out
 * of batch_send. */
struct batch {
    struct task *task;
    struct stanza_builder *builder;
    struct buf text;
    struct request requests[BATCH_REQUESTS_MAX];
    size_t ends[BATCH_REQUESTS_MAX]; /* of text, behind each request and what follows it */
    size_t count;
    bool barrier;
    bool whole;
    uint64_t place; /* of its last go, see link_places */
    enum err err;
};

void batch_init(struct batch *batch, struct task *task);
/* Frees the answers that nobody took. */
void batch_free(struct batch *batch);
/* Opens an iq from our domain to `to`, whose answer is awaited from there; the answer will be in requests[number], the
 * numbers counting from 0. */
void batch_request(struct batch *batch, const char *type, const char *to);
/* Opens an iq in a user's name, with no `to`: the answer goes to the user. */
void batch_iq_as(struct batch *batch, const char *type, const char *from);
/* A whole presence in a user's name. */
void batch_presence_as(struct batch *batch, const char *type, const char *from, const char *to);
/* Opens a message of our domain's. The barrier says when the server has it. */
void batch_message(struct batch *batch, const char *type, const char *to, const char *id);
/* Adds a ping to the server as the last request. A request without an answer when the ping's is there has the result
 * ERR_NOT_FOUND: for servers that handle a connection's stanzas in order and do not answer for users who do not exist.
 * Such a batch goes out whole, also when the task has one slot. */
void batch_barrier(struct batch *batch);
/* Has the batch go out whole, however few slots the task has: where many requests of one batch are no more to a server
 * than one. */
void batch_in_one_go(struct batch *batch);
/* Ends the iq that was opened. */
void batch_end(struct batch *batch);
/* Sends all and waits for all answers: in one go when the task has as many slots as there are requests, else in several
 * in the same order. Each go has the configured request timeout at most. OK, or the first error; answers that came are
 * there in either case. May be called once. */
MUST_CHECK enum err batch_send(struct batch *batch);
/* Takes the answer of a request from the batch; NULL when there is none. */
struct tree *batch_take(struct batch *batch, size_t number);

/* True when the answer is an iq of type result. */
bool request_succeeded(const struct request *request);

#endif
