/* For tests: a link to a played server, and a call on a thread of its own. */
#ifndef TESTS_XMPP_LINK_FIXTURE_H
#define TESTS_XMPP_LINK_FIXTURE_H

#include <stdatomic.h>
#include <stdlib.h>

#include "component/base/buf.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"
#include "tests/unit/xmpp/peer.h"
#include "xmpp/inbound.h"
#include "xmpp/link.h"

struct fixture {
    struct peer peer;
    struct xmpp_config config;
    struct link *link;
    atomic_int ups;
    atomic_int downs;
    atomic_int received; /* stanzas that answered nothing */

    /* a call on a thread of its own */
    pthread_t thread;
    uint64_t generation;
    char id[PEER_ID_SIZE]; /* of its request, from the wire */
    enum err result;
    struct request request;
};

static inline void link_fixture_on_received(void *arg, const struct element *stanza, struct buf *reply)
{
    struct fixture *fixture = arg;
    const struct inbound_config config = {.component = "registrar.example.org", .version = "1.0"};
    inbound_answer(&config, stanza, reply);
    atomic_fetch_add(&fixture->received, 1);
}

static inline void link_fixture_on_changed(void *arg, bool up)
{
    struct fixture *fixture = arg;
    atomic_fetch_add(up ? &fixture->ups : &fixture->downs, 1);
}

static inline void start(struct fixture *fixture)
{
    const struct link_handlers handlers = {link_fixture_on_received, link_fixture_on_changed, fixture};
    assert_int_equal(link_start(&fixture->config, &handlers, &fixture->link), OK);
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    peer_open(&fixture->peer);
    fixture->config = peer_config(&fixture->peer);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    link_close(&fixture->link);
    assert_null(fixture->link);
    assert_int_equal(atomic_load(&fixture->ups), atomic_load(&fixture->downs));
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
    peer_close(&fixture->peer);
    free(fixture);
    return 0;
}

static inline struct link_status status_of(struct fixture *fixture)
{
    struct link_status status;
    link_status(fixture->link, &status);
    return status;
}

static inline void wait_until(struct fixture *fixture, bool up, uint64_t generation)
{
    int64_t until = clock_ms() + PEER_WAIT_MS;
    struct link_status status = status_of(fixture);
    while ((status.up != up || status.generation != generation) && clock_ms() < until) {
        peer_pause(2);
        status = status_of(fixture);
    }
    assert_int_equal(status.up, up);
    assert_int_equal(status.generation, generation);
}

static inline void wait_reason(struct fixture *fixture, const char *reason)
{
    const int64_t until = clock_ms() + PEER_WAIT_MS;
    while (strcmp(status_of(fixture).reason, reason) != 0 && clock_ms() < until)
        peer_pause(2);
    assert_string_equal(status_of(fixture).reason, reason);
}

static inline void connect_once(struct fixture *fixture)
{
    start(fixture);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 1);
}

static inline void *call(void *arg)
{
    struct fixture *fixture = arg;
    struct buf text;
    buf_init(&text, 1024);
    link_id(fixture->link, fixture->request.id);
    snprintf(fixture->request.peer, sizeof fixture->request.peer, "example.org");
    buf_printf(&text, "<iq type=\"get\" id=\"%s\" to=\"example.org\"/>", fixture->request.id);
    struct exchange exchange = {.requests = &fixture->request, .count = 1};
    fixture->result = link_call(fixture->link, fixture->generation, &text, &exchange,
                                clock_ms() + fixture->config.request_timeout_ms);
    buf_free(&text);
    return NULL;
}

/* Makes a call and takes it from the wire. */
static inline void start_call(struct fixture *fixture)
{
    fixture->generation = status_of(fixture).generation;
    assert_int_equal(thread_start("call", 0, call, fixture, &fixture->thread), OK);
    peer_take(&fixture->peer, "to=\"example.org\"/>", fixture->id);
}

static inline enum err end_call(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    if (fixture->result == OK)
        tree_free(&fixture->request.answer);
    return fixture->result;
}

#endif
