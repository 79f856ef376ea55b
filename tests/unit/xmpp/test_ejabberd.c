/* The driver of ejabberd between a played component link and a played HTTP API: what it asks of which, in which order,
 * and above all what it does not. What a real one makes of it is tested end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "tests/unit/xmpp/api_peer.h"
#include "tests/unit/xmpp/peer.h"
#include "xmpp/adhoc.h"
#include "xmpp/http_api.h"
#include "xmpp/link.h"
#include "xmpp/readings.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"

enum { RULES_MAX = 8, TOLD_MAX = 64 * 1024 };

#define PASSWORD "canary-password"

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
    struct roster_side sides[2];
    pthread_t thread;
    enum err (*act)(struct fixture *fixture);
    enum err result;
};

static const char *answer(void *arg, const char *command, const char *request)
{
    struct fixture *fixture = arg;
    const size_t length = strlen(fixture->told);
    snprintf(fixture->told + length, TOLD_MAX - length, "%s %s\n", command, api_body(request));
    for (const struct rule *rule = fixture->rules; rule->command != NULL; rule++)
        if (strcmp(rule->command, command) == 0 && strstr(api_body(request), rule->body) != NULL)
            return rule->answer;
    return API_STATUS("500");
}

static void ignore(void *arg, const struct element *stanza, struct buf *reply)
{
    (void)arg;
    (void)stanza;
    (void)reply;
}

static void ignore_change(void *arg, bool up)
{
    (void)arg;
    (void)up;
}

static int setup(void **state)
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
    fixture->readings = readings_new();
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

static int teardown(void **state)
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

static void *run(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = fixture->act(fixture);
    return NULL;
}

static void start(struct fixture *fixture, enum err (*act)(struct fixture *))
{
    fixture->act = act;
    assert_int_equal(thread_start("act", 0, run, fixture, &fixture->thread), OK);
}

static enum err end(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    return fixture->result;
}

static enum err create(struct fixture *fixture)
{
    return server_ejabberd.create(&fixture->task, "a", secret_of_cstr(PASSWORD));
}

static enum err set_password(struct fixture *fixture)
{
    return server_ejabberd.set_password(&fixture->task, "a", secret_of_cstr(PASSWORD));
}

static enum err remove_account(struct fixture *fixture)
{
    return server_ejabberd.remove(&fixture->task, "a");
}

#define COMMAND(attributes) "<command xmlns='http://jabber.org/protocol/commands' sessionid='s' " attributes

/* The command's two steps; the second is answered with `payload`, or with an error of that condition. */
static void play_command(struct fixture *fixture, const char *node, const char *payload, const char *condition)
{
    char id[PEER_ID_SIZE], text[512], stanza[4096];
    peer_expect(&fixture->link_peer, "/></iq>", stanza, sizeof stanza);
    assert_non_null(strstr(stanza, node));
    peer_attribute(stanza, "id", id, sizeof id);
    peer_answer(&fixture->link_peer, id,
                COMMAND("status='executing'>") "<x xmlns='jabber:x:data' type='form'/></command>");
    peer_expect(&fixture->link_peer, "</command></iq>", stanza, sizeof stanza);
    peer_attribute(stanza, "id", id, sizeof id);
    if (condition == NULL) {
        peer_answer(&fixture->link_peer, id, payload);
        return;
    }
    snprintf(text, sizeof text,
             "<iq type='error' id='%s' from='example.org'><error type='cancel'>"
             "<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
             id, condition);
    peer_write(&fixture->link_peer, text);
    peer_expect(&fixture->link_peer, "/></iq>", stanza, sizeof stanza);
    assert_non_null(strstr(stanza, " action=\"cancel\""));
}

#define DONE COMMAND("status='completed'/>")

/* ---- accounts ---- */

static void makes_an_account(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{0}};
    start(fixture, create);
    play_command(fixture, "#add-user", DONE, NULL);
    assert_int_equal(end(fixture), OK);
    assert_string_equal(fixture->told, "");
}

static void one_that_exists_gets_the_password(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "\"user\":\"a\"", API_YES}, {0}};
    start(fixture, create);
    play_command(fixture, "#add-user", NULL, "conflict");
    play_command(fixture, "#change-user-password", DONE, NULL);
    assert_int_equal(end(fixture), OK);
}

/* ejabberd would crash over it, and log the password. */
static void no_password_is_changed_of_nobody(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "\"user\":\"a\"", API_NO}, {0}};
    start(fixture, create);
    play_command(fixture, "#add-user", NULL, "item-not-found"); /* for another reason */
    assert_int_equal(end(fixture), ERR_XMPP);
    assert_int_equal(set_password(fixture), ERR_NOT_FOUND);
    peer_expect_silence(&fixture->link_peer, 30);
}

static void nobody_is_not_removed(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "\"user\":\"a\"", API_NO}, {0}};
    assert_int_equal(remove_account(fixture), OK);
    peer_expect_silence(&fixture->link_peer, 30);
}

static void a_removal_is_looked_at(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "\"user\":\"a\"", API_YES}, {0}};
    start(fixture, remove_account);
    play_command(fixture, "#delete-user", DONE, NULL);
    assert_int_equal(end(fixture), ERR_XMPP); /* it is there still */
}

/* ---- passwords ---- */

static void learns_whether_it_may_check_passwords(void **state)
{
    struct fixture *fixture = *state;
    struct server_facts facts = {0};
    fixture->rules =
        (const struct rule[]){{"check_account", "", API_NO}, {"check_password", "\"password\":\"\"", API_NO}, {0}};
    assert_int_equal(server_ejabberd.reach(&fixture->task, &facts), OK);
    assert_true(facts.may_check_passwords);
    fixture->rules = (const struct rule[]){
        {"check_account", "", API_NO}, {"check_password", "\"password\":\"\"", API_STATUS("403")}, {0}};
    assert_int_equal(server_ejabberd.reach(&fixture->task, &facts), OK);
    assert_false(facts.may_check_passwords);
}

static void an_api_that_refuses_is_not_reached(void **state)
{
    struct fixture *fixture = *state;
    struct server_facts facts = {0};
    fixture->rules = (const struct rule[]){{"check_account", "", API_STATUS("401")}, {0}};
    assert_int_equal(server_ejabberd.reach(&fixture->task, &facts), ERR_FORBIDDEN);
}

static enum err check(struct fixture *fixture)
{
    return server_ejabberd.check(&fixture->task, "a", secret_of_cstr(PASSWORD));
}

/* The API's calls stand in ejabberd's log, permitted or not. */
static void without_permission_no_password_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{0}};
    assert_int_equal(check(fixture), ERR_UNSUPPORTED);
    assert_string_equal(fixture->told, "");
}

static void checks_passwords(void **state)
{
    struct fixture *fixture = *state;
    fixture->task.may_check_passwords = true;
    fixture->rules = (const struct rule[]){{"check_password", PASSWORD, API_YES}, {0}};
    assert_int_equal(check(fixture), OK);
    fixture->rules = (const struct rule[]){{"check_password", PASSWORD, API_NO}, {"check_account", "", API_YES}, {0}};
    assert_int_equal(check(fixture), ERR_JID_PASSWORD);
    fixture->rules = (const struct rule[]){{"check_password", PASSWORD, API_NO}, {"check_account", "", API_NO}, {0}};
    assert_int_equal(check(fixture), ERR_NOT_FOUND);
}

/* ---- rosters ---- */

#define SEEN(length, jid, group)                                                                                       \
    API_JSON(length, "[{\"jid\":\"" jid "@example.org\",\"nick\":\"N\",\"subscription\":\"both\",\"ask\":\"none\","    \
                     "\"group\":\"" group "\"}]")
#define EMPTY API_JSON("2", "[]")

static const struct rule bound[] = {
    {"add_rosteritem", "", API_YES},
    {"get_roster", "\"user\":\"a\"", SEEN("85", "b", "One")},
    {"get_roster", "\"user\":\"b\"", SEEN("85", "a", "One")},
    {"check_account", "", API_YES},
    {0},
};

static enum err edit(struct fixture *fixture, bool bind)
{
    struct readback readback;
    readback_init(&readback, &server_ejabberd, &fixture->task, fixture->arena, fixture->sides);
    return server_ejabberd.edit(&readback, bind);
}

static enum err bind_both(struct fixture *fixture)
{
    return edit(fixture, true);
}

static enum err unbind_both(struct fixture *fixture)
{
    return edit(fixture, false);
}

static void writes_both_and_reads_both(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = bound;
    assert_int_equal(bind_both(fixture), OK);
    assert_non_null(strstr(fixture->told,
                           "add_rosteritem {\"localuser\":\"a\",\"localhost\":\"example.org\",\"user\":\"b\",\"host\":"
                           "\"example.org\",\"nick\":\"N\",\"group\":\"One;Two\",\"subs\":\"both\"}\n"));
    assert_non_null(strstr(fixture->told, "add_rosteritem {\"localuser\":\"b\""));
    const char *last_write = strstr(strstr(fixture->told, "add_rosteritem") + 1, "add_rosteritem");
    assert_true(strstr(fixture->told, "get_roster") > last_write);
    assert_true(strstr(fixture->told, "check_account") > last_write);
    for (int i = 0; i < 2; i++) {
        assert_true(fixture->sides[i].seen_present);
        assert_int_equal(fixture->sides[i].seen.subscription, XMPP_BOTH);
        assert_int_equal(fixture->sides[i].seen.group_count, 1);
    }
    peer_expect_silence(&fixture->link_peer, 30);
}

static void writes_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = bound;
    fixture->api_peer.answer_when = 2;
    assert_int_equal(bind_both(fixture), OK);
}

/* The other way round clients could be left with what is gone. */
static void removes_one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){
        {"delete_rosteritem", "", API_YES}, {"get_roster", "", EMPTY}, {"check_account", "", API_YES}, {0}};
    assert_int_equal(unbind_both(fixture), OK);
    assert_false(fixture->sides[0].seen_present);
    assert_false(fixture->sides[1].seen_present);
    fixture->api_peer.answer_when = 2;
    fixture->task.deadline_ms = clock_ms() + 100;
    assert_int_equal(unbind_both(fixture), ERR_TIMEOUT);
}

static void a_side_that_is_going_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    fixture->sides[0].exists = false;
    fixture->rules = (const struct rule[]){
        {"delete_rosteritem", "", API_YES}, {"get_roster", "", EMPTY}, {"check_account", "", API_YES}, {0}};
    assert_int_equal(unbind_both(fixture), OK);
    assert_null(strstr(fixture->told, "user\":\"a\",\"localhost"));
    assert_null(strstr(fixture->told, "get_roster {\"user\":\"a\""));
}

static void what_was_written_for_nobody_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){
        {"add_rosteritem", "", API_YES},
        {"delete_rosteritem", "\"localuser\":\"b\"", API_YES},
        {"get_roster", "\"user\":\"a\"", SEEN("85", "b", "One")},
        {"get_roster", "\"user\":\"b\"", SEEN("85", "a", "One")},
        {"check_account", "\"user\":\"a\"", API_YES},
        {"check_account", "\"user\":\"b\"", API_NO},
        {0},
    };
    assert_int_equal(bind_both(fixture), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->told,
                           "delete_rosteritem {\"localuser\":\"b\",\"localhost\":\"example.org\",\"user\":"
                           "\"a\",\"host\":\"example.org\"}\n"));
    assert_null(strstr(fixture->told, "delete_rosteritem {\"localuser\":\"a\""));
}

static void the_roster_of_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    fixture->rules = (const struct rule[]){{"get_roster", "", EMPTY}, {"check_account", "", API_NO}, {0}};
    assert_int_equal(server_ejabberd.roster(&fixture->task, fixture->arena, "a", &roster), ERR_NOT_FOUND);
    fixture->rules = bound;
    assert_int_equal(server_ejabberd.roster(&fixture->task, fixture->arena, "a", &roster), OK);
    assert_int_equal(roster.count, 1);
}

static void text_that_no_client_could_read_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad_groups[] = {"a;b"};
    fixture->rules = bound;
    fixture->sides[1].item.name = "bad \x01";
    assert_int_equal(bind_both(fixture), ERR_INVALID);
    fixture->sides[1].item.name = "fine";
    fixture->sides[0].item.groups = bad_groups;
    fixture->sides[0].item.group_count = 1;
    assert_int_equal(bind_both(fixture), ERR_INVALID);
    assert_string_equal(fixture->told, "");
}

static void answers_that_mean_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {API_JSON("2", "[]"),     API_JSON("3", "\"0\""), API_JSON("1", "7"), API_NO,
                                      API_JSON("6", "<html>"), API_STATUS("500")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct rule rules[] = {{"add_rosteritem", "", bad[i]}, {0}};
        fixture->rules = rules;
        assert_int_equal(bind_both(fixture), ERR_XMPP);
    }
    assert_false(fixture->task.api_failed);
}

static void an_api_of_no_use_is_told_of(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *answer;
        enum err err;
    } cases[] = {{API_STATUS("401"), ERR_FORBIDDEN},
                 {API_STATUS("403"), ERR_FORBIDDEN},
                 {API_STATUS("404"), ERR_UNSUPPORTED},
                 {API_DROPS, ERR_XMPP_DOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct rule rules[] = {{"add_rosteritem", "", cases[i].answer}, {0}};
        fixture->rules = rules;
        fixture->task.api_failed = false;
        assert_int_equal(bind_both(fixture), cases[i].err);
        assert_true(fixture->task.api_failed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_an_account),
        TEST(one_that_exists_gets_the_password),
        TEST(no_password_is_changed_of_nobody),
        TEST(nobody_is_not_removed),
        TEST(a_removal_is_looked_at),
        TEST(learns_whether_it_may_check_passwords),
        TEST(an_api_that_refuses_is_not_reached),
        TEST(without_permission_no_password_is_told),
        TEST(checks_passwords),
        TEST(writes_both_and_reads_both),
        TEST(writes_at_once),
        TEST(removes_one_after_the_other),
        TEST(a_side_that_is_going_is_left_alone),
        TEST(what_was_written_for_nobody_is_taken_back),
        TEST(the_roster_of_nobody),
        TEST(text_that_no_client_could_read_is_not_told),
        TEST(answers_that_mean_nothing),
        TEST(an_api_of_no_use_is_told_of),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
