/* The driver of ejabberd and accounts: what it asks of the link and of the HTTP API, in which order, and above all what
 * it does not. What a real one makes of it is tested end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/crypto.h"
#include "tests/unit/xmpp/ejabberd_fixture.h"

#define PASSWORD "canary-password"

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

/* ---- on each link ---- */

static enum err reach(struct fixture *fixture)
{
    fixture->facts = (struct server_facts){0};
    return server_ejabberd.reach(&fixture->task, &fixture->facts);
}

/* What we send to ourselves comes back, that often. */
static void play_echoes(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        char id[PEER_ID_SIZE], text[256], stanza[1024];
        peer_expect(&fixture->link_peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>", stanza, sizeof stanza);
        assert_non_null(strstr(stanza, " to=\"registrar.example.org\""));
        peer_attribute(stanza, "id", id, sizeof id);
        snprintf(text, sizeof text, "<iq type='result' id='%s' from='registrar.example.org'/>", id);
        peer_write(&fixture->link_peer, text);
    }
}

static enum err reach_alone(struct fixture *fixture)
{
    start(fixture, reach);
    play_echoes(fixture, BATCH_REQUESTS_MAX);
    return end(fixture);
}

/* ejabberd lets it be, and gives what is ours to him as well. */
static void another_one_under_our_name_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{0}};
    fixture->config.request_timeout_ms = 150;
    start(fixture, reach);
    play_echoes(fixture, BATCH_REQUESTS_MAX - 1);
    assert_int_equal(end(fixture), ERR_CONFLICT);
    assert_string_equal(fixture->told, "");
    assert_false(fixture->task.api_failed);
}

static void an_api_that_refuses_is_not_reached(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "", API_STATUS("401")}, {0}};
    assert_int_equal(reach_alone(fixture), ERR_FORBIDDEN);
    assert_true(fixture->task.api_failed);
}

/* ---- passwords ---- */

static void learns_whether_it_may_check_passwords(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules =
        (const struct rule[]){{"check_account", "", API_NO}, {"check_password", "\"password\":\"\"", API_NO}, {0}};
    assert_int_equal(reach_alone(fixture), OK);
    assert_true(fixture->facts.may_check_passwords);
    fixture->rules = (const struct rule[]){
        {"check_account", "", API_NO}, {"check_password", "\"password\":\"\"", API_STATUS("403")}, {0}};
    assert_int_equal(reach_alone(fixture), OK);
    assert_false(fixture->facts.may_check_passwords);
    assert_false(fixture->task.api_failed);
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

static enum err exists(struct fixture *fixture)
{
    return server_ejabberd.exists(&fixture->task, "a");
}

static void an_account_is_looked_for_without_its_roster(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){{"check_account", "", API_YES}, {0}};
    assert_int_equal(exists(fixture), OK);
    assert_string_equal(fixture->told, "check_account {\"user\":\"a\",\"host\":\"example.org\"}\n");
    fixture->rules = (const struct rule[]){{"check_account", "", API_NO}, {0}};
    assert_int_equal(exists(fixture), ERR_NOT_FOUND);
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
        TEST(another_one_under_our_name_is_noticed),
        TEST(learns_whether_it_may_check_passwords),
        TEST(an_api_that_refuses_is_not_reached),
        TEST(without_permission_no_password_is_told),
        TEST(checks_passwords),
        TEST(an_account_is_looked_for_without_its_roster),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
