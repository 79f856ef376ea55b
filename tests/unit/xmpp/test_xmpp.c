/* The facade over a played server: what is refused when, and what the status says. The drivers' own work is tested on
 * real servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"
#include "tests/unit/xmpp/peer.h"

struct fixture {
    struct peer peer;
    struct xmpp_config config;
    struct xmpp *xmpp;
    atomic_int changes;
    pthread_t thread;
    char old_proof[XMPP_PROOF_SIZE];
    char proof[XMPP_PROOF_SIZE];
    enum err result;
};

static void on_change(void *arg)
{
    struct fixture *fixture = arg;
    struct xmpp_status status;
    xmpp_status(fixture->xmpp, &status); /* allowed in here */
    atomic_fetch_add(&fixture->changes, 1);
}

static struct xmpp_status status_of(struct fixture *fixture)
{
    struct xmpp_status status;
    xmpp_status(fixture->xmpp, &status);
    return status;
}

static void wait_for_link(struct fixture *fixture, uint64_t generation)
{
    int64_t until = clock_ms() + PEER_WAIT_MS;
    while ((!status_of(fixture).up || status_of(fixture).generation != generation) && clock_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(status_of(fixture).up);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    peer_open(&fixture->peer);
    fixture->config = peer_config(&fixture->peer);
    fixture->config.server = "auto";
    assert_int_equal(xmpp_start(&fixture->config, &fixture->xmpp), OK);
    xmpp_on_change(fixture->xmpp, on_change, fixture);
    peer_accept(&fixture->peer);
    wait_for_link(fixture, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    xmpp_close(&fixture->xmpp);
    assert_null(fixture->xmpp);
    assert_int_equal(metric_get(M_XMPP_READY, ""), 0);
    peer_close(&fixture->peer);
    free(fixture);
    return 0;
}

static void *prove(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = xmpp_prove(fixture->xmpp, fixture->old_proof, fixture->proof);
    return NULL;
}

static void start_proving(struct fixture *fixture)
{
    assert_int_equal(thread_start("prove", 0, prove, fixture, &fixture->thread), OK);
}

static enum err end_proving(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    return fixture->result;
}

static void say_version(struct fixture *fixture, const char *name)
{
    char id[PEER_ID_SIZE], payload[256];
    peer_take(&fixture->peer, "<query xmlns=\"jabber:iq:version\"/></iq>", id);
    snprintf(payload, sizeof payload, "<query xmlns='jabber:iq:version'><name>%s</name><version>1</version></query>",
             name);
    peer_answer(&fixture->peer, id, payload);
}

/* Answers the first command of the self-test in a way that makes it fail, and its cleaning up too. */
static void fail_commands(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        char id[PEER_ID_SIZE], text[512];
        peer_take(&fixture->peer, "</iq>", id);
        snprintf(text, sizeof text,
                 "<iq type='error' id='%s' from='example.org'><error type='auth'>"
                 "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                 id);
        peer_write(&fixture->peer, text);
    }
}

/* Prosody is proved without a self-test when the proof is known: the first attempt shows it. */
static void make_ready(struct fixture *fixture)
{
    peer_write(&fixture->peer, "<message from='example.org'><privilege xmlns='urn:xmpp:privilege:2'>"
                               "<perm access='roster' type='both'/></privilege></message>");
    start_proving(fixture);
    say_version(fixture, "Prosody");
    fail_commands(fixture, 4); /* both leftovers, and once more at the end */
    assert_int_equal(end_proving(fixture), ERR_XMPP);
    memcpy(fixture->old_proof, fixture->proof, sizeof fixture->proof);
    start_proving(fixture);
    say_version(fixture, "Prosody");
    assert_int_equal(end_proving(fixture), OK);
}

static void nothing_is_done_before_it_is_proved(void **state)
{
    struct fixture *fixture = *state;
    int64_t deadline = clock_ms() + 1000;
    struct arena *arena = arena_new();
    struct roster roster;
    const struct xmpp_patience patience = {.disagreeing_ms = 1000, .deadline_ms = deadline};
    struct roster_side sides[2] = {{.local = "a", .exists = true}, {.local = "b", .exists = true}};
    assert_int_equal(xmpp_jid_create(fixture->xmpp, "a", secret_of_cstr("x"), deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_jid_delete(fixture->xmpp, "a", deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_jid_check(fixture->xmpp, "a", secret_of_cstr("x"), deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_jid_exists(fixture->xmpp, "a", deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_jid_set_password(fixture->xmpp, "a", secret_of_cstr("x"), deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_roster(fixture->xmpp, arena, "a", &roster, deadline), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_bind(fixture->xmpp, arena, sides, &patience), ERR_XMPP_DOWN);
    assert_int_equal(xmpp_unbind(fixture->xmpp, arena, sides, &patience), ERR_XMPP_DOWN);
    assert_false(status_of(fixture).ready);
    assert_string_equal(status_of(fixture).reason, "the server is not proved yet");
    peer_expect_silence(&fixture->peer, 30);
    arena_free(&arena);
}

static void a_failed_self_test_is_the_reason(void **state)
{
    struct fixture *fixture = *state;
    start_proving(fixture);
    say_version(fixture, "Openfire");
    fail_commands(fixture, 8); /* Openfire: two commands an account */
    assert_int_equal(end_proving(fixture), ERR_XMPP);
    assert_false(status_of(fixture).ready);
    assert_string_equal(status_of(fixture).reason, "self-test failed: remove leftovers (forbidden)");
}

static void an_unknown_server(void **state)
{
    struct fixture *fixture = *state;
    start_proving(fixture);
    say_version(fixture, "Fantasy");
    assert_int_equal(end_proving(fixture), ERR_UNSUPPORTED);
    assert_string_equal(status_of(fixture).reason, "no driver for this server: Fantasy (unsupported)");
}

static void prosody_without_privileges(void **state)
{
    struct fixture *fixture = *state;
    start_proving(fixture);
    say_version(fixture, "Prosody");
    assert_int_equal(end_proving(fixture), ERR_UNSUPPORTED);
    assert_string_equal(status_of(fixture).reason, "no roster privilege from mod_privilege (XEP-0356) (unsupported)");
}

static void a_known_proof_is_enough(void **state)
{
    struct fixture *fixture = *state;
    make_ready(fixture);
    assert_true(status_of(fixture).ready);
    assert_string_equal(status_of(fixture).reason, "");
    assert_string_equal(fixture->proof, fixture->old_proof);
    assert_int_equal(metric_get(M_XMPP_READY, ""), 1);
    assert_true(atomic_load(&fixture->changes) >= 1);
}

static void the_next_link_is_proved_anew(void **state)
{
    struct fixture *fixture = *state;
    make_ready(fixture);
    peer_hang_up(&fixture->peer);
    peer_accept(&fixture->peer);
    wait_for_link(fixture, 2);
    assert_false(status_of(fixture).ready);
    assert_int_equal(xmpp_jid_delete(fixture->xmpp, "a", clock_ms() + 1000), ERR_XMPP_DOWN);
    /* and its privileges are not those of the link before */
    start_proving(fixture);
    say_version(fixture, "Prosody");
    assert_int_equal(end_proving(fixture), ERR_UNSUPPORTED);
}

static void a_cut_while_proving(void **state)
{
    struct fixture *fixture = *state;
    start_proving(fixture);
    char id[PEER_ID_SIZE];
    peer_take(&fixture->peer, "<query xmlns=\"jabber:iq:version\"/></iq>", id);
    peer_hang_up(&fixture->peer);
    assert_int_equal(end_proving(fixture), ERR_XMPP_DOWN);
}

static void names_are_checked_before_anything_is_sent(void **state)
{
    static const char *const bad[] = {
        "",         "A",     "a b", "a@b", "a/b",
        "\xc3\xa4", "a\x01", "<",   "a'b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct fixture *fixture = *state;
    make_ready(fixture);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(xmpp_jid_delete(fixture->xmpp, bad[i], clock_ms() + 1000), ERR_INVALID);
    peer_expect_silence(&fixture->peer, 30);
}

static void text_that_no_stanza_can_carry(void **state)
{
    struct fixture *fixture = *state;
    make_ready(fixture);
    struct arena *arena = arena_new();
    struct roster_side sides[2] = {{.local = "a", .exists = true, .item = {.jid = "b@example.org", .name = "bad \x01"}},
                                   {.local = "b", .exists = true, .item = {.jid = "a@example.org", .name = "fine"}}};
    const struct xmpp_patience patience = {.disagreeing_ms = 1000, .deadline_ms = clock_ms() + 1000};
    assert_int_equal(xmpp_bind(fixture->xmpp, arena, sides, &patience), ERR_INVALID);
    peer_expect_silence(&fixture->peer, 30);
    assert_true(status_of(fixture).ready); /* the link did not suffer */
    arena_free(&arena);
}

static void nobody_needs_no_server(void **state)
{
    struct fixture *fixture = *state;
    struct roster_side sides[2] = {{.local = "a"}, {.local = "b"}};
    const struct xmpp_patience none = {.deadline_ms = clock_ms()};
    assert_int_equal(xmpp_unbind(fixture->xmpp, NULL, sides, &none), OK);
    assert_int_equal(xmpp_bind(fixture->xmpp, NULL, sides, &none), ERR_INVALID);
}

static void refusing(void **state)
{
    struct fixture *fixture = *state;
    make_ready(fixture);
    xmpp_refuse(fixture->xmpp);
    assert_int_equal(xmpp_jid_delete(fixture->xmpp, "a", clock_ms() + 1000), ERR_SHUTDOWN);
    assert_string_equal(status_of(fixture).reason, "shutting down");
}

static void a_bad_configuration_does_not_start(void **state)
{
    struct fixture *fixture = *state;
    struct xmpp_config config = fixture->config;
    config.host = "192.0.2.1";
    struct xmpp *xmpp = NULL;
    assert_int_equal(xmpp_start(&config, &xmpp), ERR_INVALID);
    assert_null(xmpp);
}

static void *look(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = xmpp_jid_exists(fixture->xmpp, "a", clock_ms() + PEER_WAIT_MS);
    return NULL;
}

#define COMMAND(attributes) "<command xmlns='http://jabber.org/protocol/commands' sessionid='s' " attributes

/* However large its roster is, the answer is short. */
static void a_jid_is_looked_for_without_its_roster(void **state)
{
    static const struct {
        const char *completed;
        enum err result;
    } cases[] = {{COMMAND("status='completed'/>"), OK},
                 {COMMAND("status='completed'>") "<note type='error'>x</note></command>", ERR_NOT_FOUND}};
    struct fixture *fixture = *state;
    make_ready(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[PEER_ID_SIZE], stanza[4096];
        assert_int_equal(thread_start("look", 0, look, fixture, &fixture->thread), OK);
        peer_expect(&fixture->peer, "/></iq>", stanza, sizeof stanza);
        assert_non_null(strstr(stanza, "admin#user-stats"));
        peer_attribute(stanza, "id", id, sizeof id);
        peer_answer(&fixture->peer, id,
                    COMMAND("status='executing'>") "<x xmlns='jabber:x:data' type='form'/></command>");
        peer_expect(&fixture->peer, "</command></iq>", stanza, sizeof stanza);
        assert_non_null(strstr(stanza, ">a@example.org<"));
        peer_attribute(stanza, "id", id, sizeof id);
        peer_answer(&fixture->peer, id, cases[i].completed);
        pthread_join(fixture->thread, NULL);
        assert_int_equal(fixture->result, cases[i].result);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_done_before_it_is_proved),
        TEST(a_failed_self_test_is_the_reason),
        TEST(an_unknown_server),
        TEST(prosody_without_privileges),
        TEST(a_known_proof_is_enough),
        TEST(the_next_link_is_proved_anew),
        TEST(a_cut_while_proving),
        TEST(names_are_checked_before_anything_is_sent),
        TEST(text_that_no_stanza_can_carry),
        TEST(nobody_needs_no_server),
        TEST(refusing),
        TEST(a_bad_configuration_does_not_start),
        TEST(a_jid_is_looked_for_without_its_roster),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
