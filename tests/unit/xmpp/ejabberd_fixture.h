/* For tests: the driver of ejabberd between a played component link and a played HTTP API. */
#ifndef TESTS_XMPP_EJABBERD_FIXTURE_H
#define TESTS_XMPP_EJABBERD_FIXTURE_H

#include <stdlib.h>

#include "component/base/arena.h"
#include "component/base/lane.h"
#include "tests/unit/xmpp/api_peer.h"
#include "tests/unit/xmpp/peer.h"
#include "xmpp/adhoc.h"
#include "xmpp/http_api.h"
#include "xmpp/link.h"
#include "xmpp/readings.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"

enum { TOLD_MAX = 64 * 1024 };

struct rule {
    const char *command; /* NULL: the last */
    const char *body;    /* has this in it */
    const char *answer;
};

struct fixture {
    struct peer link_peer;
    struct api_peer api_peer;
    const struct rule *rules;
    char told[TOLD_MAX]; /* "command body\n" each, in order */
    struct xmpp_config config;
    struct link *link;
    struct slots *opening, *shared;
    struct readings *readings;
    struct http_api *api;
    struct arena *arena;
    struct task task;
    struct server_facts facts;
    struct roster_side sides[2];
    pthread_t thread;
    enum err (*act)(struct fixture *fixture);
    enum err result;
};

static inline const char *answer(void *arg, const char *command, const char *request)
{
    struct fixture *fixture = arg;
    const size_t length = strlen(fixture->told);
    snprintf(fixture->told + length, TOLD_MAX - length, "%s %s\n", command, api_body(request));
    for (const struct rule *rule = fixture->rules; rule->command != NULL; rule++)
        if (strcmp(rule->command, command) == 0 && strstr(api_body(request), rule->body) != NULL)
            return rule->answer;
    return API_STATUS("500");
}

static inline void ignore(void *arg, const struct element *stanza, struct buf *reply)
{
    (void)arg;
    (void)stanza;
    (void)reply;
}

static inline void ignore_change(void *arg, bool up)
{
    (void)arg;
    (void)up;
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct link_handlers handlers = {ignore, ignore_change, fixture};
    peer_open(&fixture->link_peer);
    api_start(&fixture->api_peer, answer, fixture);
    fixture->config = peer_config(&fixture->link_peer);
    fixture->config.api_url = fixture->api_peer.url;
    fixture->config.api_secret = secret_of_cstr("token");
    assert_int_equal(link_start(&fixture->config, &handlers, &fixture->link), OK);
    peer_accept(&fixture->link_peer);
    struct link_status status = {0};
    while (!status.up)
        link_status(fixture->link, &status);
    unsigned taken = 0;
    fixture->opening = slots_new(ADHOC_OPENING_MAX);
    fixture->shared = slots_new(4);
    assert_int_equal(slots_take(fixture->shared, 4, clock_ms() + 5000, &taken), OK);
    fixture->readings = readings_new(link_places(fixture->link));
    fixture->api = http_api_new(&fixture->config);
    fixture->arena = arena_new();
    fixture->task = (struct task){.config = &fixture->config,
                                  .link = fixture->link,
                                  .generation = 1,
                                  .slots = 4,
                                  .shared = fixture->shared,
                                  .opening = fixture->opening,
                                  .readings = fixture->readings,
                                  .api = fixture->api,
                                  .deadline_ms = clock_ms() + 5000};
    static const char *const groups[] = {"One", "Two"};
    for (int i = 0; i < 2; i++)
        fixture->sides[i] = (struct roster_side){
            .local = i == 0 ? "a" : "b",
            .exists = true,
            .item = {.jid = i == 0 ? "b@example.org" : "a@example.org",
                     .name = "N",
                     .groups = groups,
                     .group_count = 2},
        };
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    link_close(&fixture->link);
    http_api_free(&fixture->api);
    slots_free(&fixture->opening);
    slots_free(&fixture->shared);
    readings_free(&fixture->readings);
    arena_free(&fixture->arena);
    api_stop(&fixture->api_peer);
    peer_close(&fixture->link_peer);
    free(fixture);
    return 0;
}

/* ---- on a thread, while the test plays the server ---- */

static inline void *run(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = fixture->act(fixture);
    return NULL;
}

static inline void start(struct fixture *fixture, enum err (*act)(struct fixture *))
{
    fixture->act = act;
    assert_int_equal(thread_start("act", 0, run, fixture, &fixture->thread), OK);
}

static inline enum err end(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    return fixture->result;
}

#endif
