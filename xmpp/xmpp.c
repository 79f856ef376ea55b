/* The facade: what other folders see of the XMPP side. It joins the link, the slots and the driver, and knows which
 * link the driver is proved on: a link is ready while its generation is that one. */
#include "xmpp/xmpp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/text.h"
#include "xmpp/adhoc.h"
#include "xmpp/check.h"
#include "xmpp/http_api.h"
#include "xmpp/link.h"
#include "xmpp/messages.h"
#include "xmpp/offers.h"
#include "xmpp/operation.h"
#include "xmpp/readings.h"
#include "xmpp/said.h"
#include "xmpp/selftest.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"

enum { LOCAL_MAX = 64 /* Openfire keeps no more, and answers nothing when it is more */ };

struct xmpp {
    struct xmpp_config config;
    struct link *link;
    struct slots *slots;
    struct slots *opening; /* of command sessions */
    struct readings *readings;
    struct offers *offers;
    struct http_api *api; /* NULL without an api_url */

    pthread_mutex_t lock;      /* of what follows */
    struct server_facts facts; /* of the link that is up */
    const struct xmpp_server *server;
    uint64_t proved; /* the generation that the driver is proved on; 0: none */
    bool doubted;    /* it failed since: no old proof will do */
    bool refusing;
    char failure[128];           /* of the last proving */
    struct said failures;        /* since one passed */
    char known[XMPP_PROOF_SIZE]; /* the server that the log knows */

    pthread_mutex_t change_lock; /* its own, so that `changed` may call xmpp_status */
    void (*changed)(void *arg);
    void *changed_arg;
};

/* ---- what the link tells, on its thread ---- */

static void received(void *arg, const struct element *stanza, struct buf *reply)
{
    struct xmpp *xmpp = arg;
    struct server_facts facts = {0};
    if (server_read_advertisement(xmpp->config.domain, stanza, &facts)) {
        pthread_mutex_lock(&xmpp->lock);
        xmpp->facts.may_read_rosters = facts.may_read_rosters;
        xmpp->facts.may_write_rosters = facts.may_write_rosters;
        pthread_mutex_unlock(&xmpp->lock);
        return;
    }
    char id[REQUEST_ID_SIZE];
    link_id(xmpp->link, id);
    if (adhoc_cancel_late(xmpp->config.domain, xmpp->config.component, stanza, id, reply))
        return;
    struct link_status link;
    link_status(xmpp->link, &link);
    offers_receive(xmpp->offers, link.generation, stanza, reply);
}

static void tell_change(struct xmpp *xmpp)
{
    pthread_mutex_lock(&xmpp->change_lock);
    if (xmpp->changed != NULL)
        xmpp->changed(xmpp->changed_arg);
    pthread_mutex_unlock(&xmpp->change_lock);
}

static void link_changed(void *arg, bool up)
{
    struct xmpp *xmpp = arg;
    pthread_mutex_lock(&xmpp->lock);
    if (!up) {
        xmpp->facts = (struct server_facts){0};
        xmpp->proved = 0;
    }
    pthread_mutex_unlock(&xmpp->lock);
    if (!up)
        metric_set(M_XMPP_READY, "", 0);
    tell_change(xmpp);
}

/* ---- life ---- */

static void release(struct xmpp *xmpp)
{
    slots_free(&xmpp->slots);
    slots_free(&xmpp->opening);
    readings_free(&xmpp->readings);
    offers_free(&xmpp->offers);
    http_api_free(&xmpp->api);
    pthread_mutex_destroy(&xmpp->lock);
    pthread_mutex_destroy(&xmpp->change_lock);
    free(xmpp);
}

enum err xmpp_start(const struct xmpp_config *config, struct xmpp **xmpp_r)
{
    enum err err = xmpp_check_config(config);
    if (err != OK)
        return err;
    struct xmpp *xmpp = xcalloc(1, sizeof *xmpp);
    xmpp->config = *config;
    xmpp->slots = slots_new(config->in_flight);
    xmpp->opening = slots_new(ADHOC_OPENING_MAX);
    xmpp->offers = offers_new(&xmpp->config);
    xmpp->api = config->api_url[0] != '\0' ? http_api_new(&xmpp->config) : NULL;
    pthread_mutex_init(&xmpp->lock, NULL);
    pthread_mutex_init(&xmpp->change_lock, NULL);
    metric_set(M_XMPP_UP, "", 0);
    metric_set(M_XMPP_READY, "", 0);
    const struct link_handlers handlers = {received, link_changed, xmpp};
    err = link_start(&xmpp->config, &handlers, &xmpp->link);
    if (err != OK) {
        release(xmpp);
        return err;
    }
    xmpp->readings = readings_new(link_places(xmpp->link));
    *xmpp_r = xmpp;
    return OK;
}

void xmpp_refuse(struct xmpp *xmpp)
{
    pthread_mutex_lock(&xmpp->lock);
    xmpp->refusing = true;
    pthread_mutex_unlock(&xmpp->lock);
    slots_close(xmpp->slots);
    slots_close(xmpp->opening);
    if (xmpp->api != NULL)
        http_api_refuse(xmpp->api);
    link_refuse(xmpp->link);
}

void xmpp_close(struct xmpp **xmpp)
{
    if (*xmpp == NULL)
        return;
    xmpp_refuse(*xmpp);
    link_close(&(*xmpp)->link);
    release(*xmpp);
    *xmpp = NULL;
}

void xmpp_on_change(struct xmpp *xmpp, void (*changed)(void *arg), void *arg)
{
    pthread_mutex_lock(&xmpp->change_lock);
    xmpp->changed = changed;
    xmpp->changed_arg = arg;
    pthread_mutex_unlock(&xmpp->change_lock);
}

void xmpp_offer(struct xmpp *xmpp, const struct xmpp_offer *offer)
{
    offers_set(xmpp->offers, offer);
}

enum err xmpp_answer(struct xmpp *xmpp, uint64_t generation, const struct buf *stanza)
{
    return link_send(xmpp->link, generation, stanza);
}

void xmpp_status(struct xmpp *xmpp, struct xmpp_status *status_r)
{
    struct link_status link;
    link_status(xmpp->link, &link);
    pthread_mutex_lock(&xmpp->lock);
    const bool up = link.up && !xmpp->refusing; /* nobody should think that it is worth trying */
    *status_r = (struct xmpp_status){.up = up,
                                     .ready = up && xmpp->proved == link.generation,
                                     .unordered = xmpp->server != NULL && xmpp->server->unordered,
                                     .generation = link.generation};
    const char *reason = xmpp->refusing             ? "shutting down"
                         : status_r->ready          ? ""
                         : !link.up                 ? link.reason
                         : xmpp->failure[0] != '\0' ? xmpp->failure
                                                    : "the server is not proved yet";
    snprintf(status_r->reason, sizeof status_r->reason, "%.95s", reason);
    pthread_mutex_unlock(&xmpp->lock);
}

/* Errors of commands that mean nothing outside; the log has the details. */
static enum err outward(enum err err)
{
    return err == ERR_FORBIDDEN || err == ERR_CONFLICT ? ERR_XMPP : err;
}

/* ---- proving ---- */

/* Said once until a proof passes, not with each attempt; when it is the link that failed, that was said. */
static void set_failure(struct xmpp *xmpp, const char *what, const char *detail, enum err err)
{
    struct link_status link;
    link_status(xmpp->link, &link);
    const char *why = err == ERR_XMPP_DOWN ? link.reason : err_name(err);
    pthread_mutex_lock(&xmpp->lock);
    snprintf(xmpp->failure, sizeof xmpp->failure, "%.60s%.20s (%.40s)", what, detail, why);
    bool say = err != ERR_XMPP_DOWN && err != ERR_SHUTDOWN && said_first(&xmpp->failures, xmpp->failure);
    pthread_mutex_unlock(&xmpp->lock);
    if (say)
        log_warn("xmpp_not_proved", F("what", what), F("detail", detail), F("why", why));
}

/* Learns the facts of this link and chooses the driver. */
static enum err choose_driver(struct xmpp *xmpp, struct task *task, struct server_facts *facts,
                              const struct xmpp_server **server_r)
{
    enum err err = server_identify(task, facts);
    if (err != OK) {
        set_failure(xmpp, "the server does not say what it is", "", err);
        return err;
    }
    pthread_mutex_lock(&xmpp->lock); /* the advertisement was sent before the answer to our question */
    facts->may_read_rosters = xmpp->facts.may_read_rosters;
    facts->may_write_rosters = xmpp->facts.may_write_rosters;
    pthread_mutex_unlock(&xmpp->lock);
    *server_r = server_choose(xmpp->config.server, facts);
    const char *missing =
        *server_r != NULL ? (*server_r)->missing(&xmpp->config, facts) : "no driver for this server: ";
    if (missing == NULL)
        return OK;
    set_failure(xmpp, missing, *server_r != NULL ? "" : facts->name, ERR_UNSUPPORTED);
    return ERR_UNSUPPORTED;
}

static const char not_alone[] = "conflict: another connection has our domain";

/* An API that cannot be reached is no link that broke: ERR_XMPP. */
static enum err reach_server(struct xmpp *xmpp, struct task *task, const struct xmpp_server *server,
                             struct server_facts *facts)
{
    char reason[HTTP_API_REASON_SIZE], what[HTTP_API_REASON_SIZE + 16];
    enum err err = server->reach != NULL ? server->reach(task, facts) : OK;
    if (err == ERR_CONFLICT) { /* who was here before is not to lose his answers to us */
        link_drop(xmpp->link, task->generation, not_alone);
        return ERR_XMPP_DOWN;
    }
    if (err == OK || err == ERR_SHUTDOWN || (err == ERR_XMPP_DOWN && !task->api_failed))
        return err;
    http_api_reason(xmpp->api, reason);
    snprintf(what, sizeof what, "HTTP API: %s", reason);
    err = err == ERR_XMPP_DOWN ? ERR_XMPP : err;
    set_failure(xmpp, what, "", err);
    return err;
}

static enum err prove_driver(struct xmpp *xmpp, struct task *task, const struct xmpp_server *server)
{
    const char *step = "";
    int64_t started = clock_ms();
    enum err err = slots_take(xmpp->slots, server->edit_requests, task->deadline_ms, &task->slots);
    if (err == OK) {
        err = selftest_run(server, task, &step);
        slots_give(xmpp->slots, task->slots);
    }
    if (err != OK)
        set_failure(xmpp, "self-test failed: ", step, err);
    else
        log_info("xmpp_self_test_passed", F("server", server->name), F("took_ms", clock_ms() - started));
    return err;
}

/* The driver serves on this link from now on; unless it broke meanwhile. */
static enum err make_ready(struct xmpp *xmpp, uint64_t generation, const struct xmpp_server *server,
                           const struct server_facts *facts)
{
    struct link_status link;
    pthread_mutex_lock(&xmpp->lock);
    link_status(xmpp->link, &link); /* inside the lock, so that link_changed comes before or after, not between */
    bool ready = link.up && link.generation == generation;
    if (ready) {
        xmpp->server = server;
        xmpp->facts.may_check_passwords = facts->may_check_passwords;
        xmpp->proved = generation;
        xmpp->doubted = false;
        xmpp->failure[0] = '\0';
        said_forget(&xmpp->failures);
        metric_set(M_XMPP_READY, "", 1);
    }
    pthread_mutex_unlock(&xmpp->lock);
    if (ready) {
        link_praise(xmpp->link, generation);
        tell_change(xmpp);
    }
    return ready ? OK : ERR_XMPP_DOWN;
}

/* Not at each reconnect. The prover's thread alone. */
static void log_server(struct xmpp *xmpp, const struct xmpp_server *server, const struct server_facts *facts,
                       const char *proof, bool known)
{
    if (strcmp(xmpp->known, proof) == 0)
        return;
    snprintf(xmpp->known, sizeof xmpp->known, "%s", proof);
    log_info("xmpp_server", F("name", facts->name), F("version", facts->version), F("driver", server->name),
             F("proved_before", known));
}

static bool is_doubted(struct xmpp *xmpp)
{
    pthread_mutex_lock(&xmpp->lock);
    bool doubted = xmpp->doubted;
    pthread_mutex_unlock(&xmpp->lock);
    return doubted;
}

enum err xmpp_prove(struct xmpp *xmpp, const char *old_proof, char proof_r[XMPP_PROOF_SIZE])
{
    struct link_status link;
    link_status(xmpp->link, &link);
    if (!link.up)
        return ERR_XMPP_DOWN;
    struct task task = {.config = &xmpp->config,
                        .link = xmpp->link,
                        .generation = link.generation,
                        .slots = 1,
                        .shared = xmpp->slots,
                        .opening = xmpp->opening,
                        .readings = xmpp->readings,
                        .api = xmpp->api,
                        .deadline_ms = clock_ms() + 3 * xmpp->config.request_timeout_ms};
    struct server_facts facts = {0};
    const struct xmpp_server *server = NULL;
    enum err err = choose_driver(xmpp, &task, &facts, &server);
    if (err == OK)
        err = reach_server(xmpp, &task, server, &facts);
    if (err != OK)
        return err;
    task.may_check_passwords = facts.may_check_passwords;
    server_proof(&xmpp->config, server, &facts, proof_r);
    bool known = strcmp(proof_r, old_proof) == 0;
    log_server(xmpp, server, &facts, proof_r, known);
    if (!known || is_doubted(xmpp))
        err = prove_driver(xmpp, &task, server);
    return err == OK ? make_ready(xmpp, link.generation, server, &facts) : outward(err);
}

/* ---- operations ---- */

static enum err begin(struct xmpp *xmpp, bool on_account, int64_t deadline_ms, struct operation *operation)
{
    struct task *task = &operation->task;
    *task = (struct task){.config = &xmpp->config,
                          .link = xmpp->link,
                          .shared = xmpp->slots,
                          .opening = xmpp->opening,
                          .readings = xmpp->readings,
                          .api = xmpp->api,
                          .deadline_ms = deadline_ms};
    pthread_mutex_lock(&xmpp->lock);
    task->generation = xmpp->proved;
    task->may_check_passwords = xmpp->facts.may_check_passwords;
    operation->server = xmpp->server;
    enum err err = xmpp->refusing ? ERR_SHUTDOWN : xmpp->proved == 0 ? ERR_XMPP_DOWN : OK;
    pthread_mutex_unlock(&xmpp->lock);
    if (err != OK)
        return err;
    unsigned requests = on_account ? operation->server->account_requests : operation->server->edit_requests;
    return slots_take(xmpp->slots, requests, deadline_ms, &task->slots);
}

/* The API was of no use: the link is not ready any more, until the prover has seen that all works again. */
static void doubt(struct xmpp *xmpp, uint64_t generation)
{
    char reason[HTTP_API_REASON_SIZE];
    http_api_reason(xmpp->api, reason);
    pthread_mutex_lock(&xmpp->lock);
    bool was_proved = xmpp->proved == generation;
    if (was_proved) {
        xmpp->proved = 0;
        xmpp->doubted = true;
        snprintf(xmpp->failure, sizeof xmpp->failure, "HTTP API: %s", reason);
        metric_set(M_XMPP_READY, "", 0);
    }
    pthread_mutex_unlock(&xmpp->lock);
    if (was_proved)
        tell_change(xmpp);
}

enum err operation_end(struct xmpp *xmpp, const struct operation *operation, enum err err)
{
    slots_give(xmpp->slots, operation->task.slots);
    if (operation->task.api_failed)
        doubt(xmpp, operation->task.generation);
    return outward(err);
}

/* What our local parts are made of; a stricter set than XMPP's, so that no server folds or refuses them. */
static bool is_local(const char *local)
{
    return strlen(local) <= LOCAL_MAX && text_only_of(local, "abcdefghijklmnopqrstuvwxyz0123456789._-");
}

enum err operation_begin(struct xmpp *xmpp, const char *local, int64_t deadline_ms, struct operation *operation)
{
    return is_local(local) ? begin(xmpp, true, deadline_ms, operation) : ERR_INVALID;
}

enum err xmpp_roster(struct xmpp *xmpp, struct arena *arena, const char *local, struct roster *roster_r,
                     int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->roster(&operation.task, arena, local, roster_r));
}

enum err xmpp_send_message(struct xmpp *xmpp, const struct xmpp_message *message, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, message->local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, message_send(&operation.task, message));
}

static enum err make(struct xmpp *xmpp, struct arena *arena, struct roster_side sides[2], bool bind,
                     const struct xmpp_patience *patience)
{
    struct operation operation;
    if (!is_local(sides[0].local) || !is_local(sides[1].local))
        return ERR_INVALID;
    enum err err = begin(xmpp, false, patience->deadline_ms, &operation);
    if (err != OK)
        return err;
    const enum err made = server_make(operation.server, &operation.task, arena, sides, bind, patience);
    err = operation_end(xmpp, &operation, made);
    return made == ERR_CONFLICT ? made : err;
}

enum err xmpp_bind(struct xmpp *xmpp, struct arena *arena, struct roster_side sides[2],
                   const struct xmpp_patience *patience)
{
    if (!sides[0].exists || !sides[1].exists)
        return ERR_INVALID;
    return make(xmpp, arena, sides, true, patience);
}

enum err xmpp_unbind(struct xmpp *xmpp, struct arena *arena, struct roster_side sides[2],
                     const struct xmpp_patience *patience)
{
    if (!sides[0].exists && !sides[1].exists)
        return OK;
    return make(xmpp, arena, sides, false, patience);
}
