/* Ad-hoc commands against a server that answers with anything: what comes out, and that no session is left open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "tests/unit/xmpp/peer.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/adhoc.h"
#include "xmpp/link.h"
#include "xmpp/ns.h"
#include "xmpp/slots.h"

enum { CALLS = 3 };

struct fixture {
    struct peer peer;
    struct xmpp_config config;
    struct link *link;
    struct slots *opening;
    struct task task;
    struct adhoc_call calls[CALLS];
    size_t count;
    struct batch *before;
    enum err result;
    pthread_t thread;
};

static void ignore(void *arg, const struct element *stanza, struct buf *reply)
{
    (void)arg;
    char id[REQUEST_ID_SIZE] = "late";
    bool cancelled = adhoc_cancel_late("example.org", "registrar.example.org", stanza, id, reply);
    (void)cancelled; /* the wire shows it */
}

static void ignore_change(void *arg, bool up)
{
    (void)arg;
    (void)up;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    peer_open(&fixture->peer);
    fixture->config = peer_config(&fixture->peer);
    const struct link_handlers handlers = {ignore, ignore_change, fixture};
    assert_int_equal(link_start(&fixture->config, &handlers, &fixture->link), OK);
    peer_accept(&fixture->peer);
    struct link_status status = {0};
    while (!status.up)
        link_status(fixture->link, &status);
    fixture->task = (struct task){.config = &fixture->config,
                                  .link = fixture->link,
                                  .generation = 1,
                                  .slots = 4,
                                  .deadline_ms = clock_ms() + 5000};
    fixture->opening = slots_new(ADHOC_OPENING_MAX);
    fixture->task.opening = fixture->opening;
    fixture->count = 1;
    for (size_t i = 0; i < CALLS; i++)
        fixture->calls[i] = (struct adhoc_call){
            .node = "urn:test#do", .form_type = "urn:test", .fields = {{"who", secret_of_cstr("a<b")}}};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < CALLS; i++)
        adhoc_call_free(&fixture->calls[i]);
    link_close(&fixture->link);
    slots_free(&fixture->opening);
    peer_close(&fixture->peer);
    free(fixture);
    return 0;
}

static void *run(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = adhoc_run(&fixture->task, fixture->before, fixture->calls, fixture->count);
    return NULL;
}

static void start(struct fixture *fixture)
{
    assert_int_equal(thread_start("adhoc", 0, run, fixture, &fixture->thread), OK);
}

static enum err end(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    return fixture->result;
}

#define COMMAND(attributes, inner)                                                                                     \
    "<command xmlns='http://jabber.org/protocol/commands' node='urn:test#do' " attributes ">" inner "</command>"
#define FORM        COMMAND("status='executing' sessionid='s&amp;1'", "<x xmlns='jabber:x:data' type='form'/>")
#define NOTE(type)  COMMAND("status='completed' sessionid='s&amp;1'", "<note type='" type "'>Prosa</note>")
#define EXECUTE_END "action=\"execute\"/></iq>"
#define CANCEL_END  "action=\"cancel\" sessionid=\"s&amp;1\"/></iq>"

static void take_execute(struct fixture *fixture, char id_r[PEER_ID_SIZE])
{
    peer_take(&fixture->peer, "/></iq>", id_r);
}

static void take_complete(struct fixture *fixture, char id_r[PEER_ID_SIZE])
{
    peer_take(&fixture->peer, "</command></iq>", id_r);
}

static void expect_cancel(struct fixture *fixture)
{
    char stanza[1024];
    peer_expect(&fixture->peer, "</iq>", stanza, sizeof stanza);
    char value[64];
    peer_attribute(stanza, "action", value, sizeof value);
    assert_string_equal(value, "cancel");
    peer_attribute(stanza, "sessionid", value, sizeof value);
    assert_string_equal(value, "s&amp;1");
    assert_null(strstr(stanza, "</x>"));
}

/* Stanzas arrive in order: an unrelated command that is answered shows that nothing else was sent before. */
static void expect_nothing_else(struct fixture *fixture)
{
    peer_expect_silence(&fixture->peer, 30);
}

static void runs_a_command(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    char stanza[1024], id[PEER_ID_SIZE];
    peer_expect(&fixture->peer, "</iq>", stanza, sizeof stanza);
    peer_attribute(stanza, "id", id, sizeof id);
    assert_non_null(strstr(stanza, "from=\"registrar.example.org\""));
    assert_non_null(strstr(stanza, "to=\"example.org\""));
    assert_non_null(strstr(stanza, "action=\"execute\""));
    peer_answer(&fixture->peer, id, FORM);
    peer_expect(&fixture->peer, "</iq>", stanza, sizeof stanza);
    peer_attribute(stanza, "id", id, sizeof id);
    assert_non_null(strstr(stanza, "action=\"complete\""));
    assert_non_null(strstr(stanza, "sessionid=\"s&amp;1\""));
    assert_non_null(strstr(stanza, "<x xmlns=\"jabber:x:data\" type=\"submit\">"
                                   "<field var=\"FORM_TYPE\"><value>urn:test</value></field>"
                                   "<field var=\"who\"><value>a&lt;b</value></field></x>"));
    peer_answer(&fixture->peer, id, NOTE("info"));
    assert_int_equal(end(fixture), OK);
    assert_false(fixture->calls[0].refused);
    assert_non_null(fixture->calls[0].answer);
    expect_nothing_else(fixture);
}

static void expect_completion(struct fixture *fixture, const char *payload, enum err result, bool refused)
{
    start(fixture);
    char id[PEER_ID_SIZE];
    take_execute(fixture, id);
    peer_answer(&fixture->peer, id, FORM);
    take_complete(fixture, id);
    peer_answer(&fixture->peer, id, payload);
    assert_int_equal(end(fixture), result);
    assert_int_equal(fixture->calls[0].refused, refused);
}

static void an_error_note_is_a_refusal(void **state)
{
    expect_completion(*state, NOTE("error"), OK, true);
    expect_nothing_else(*state);
}

static void no_note_is_a_success(void **state)
{
    expect_completion(*state, COMMAND("status='completed'", ""), OK, false);
}

static void a_warning_is_a_success(void **state)
{
    expect_completion(*state, NOTE("warn"), OK, false);
}

static void one_error_among_notes_is_enough(void **state)
{
    expect_completion(*state, COMMAND("status='completed'", "<note type='info'/><note type='error'/>"), OK, true);
}

static void another_stage_is_cancelled(void **state)
{
    expect_completion(*state, FORM, ERR_XMPP, false);
    expect_cancel(*state);
}

static void a_completion_of_nothing_is_cancelled(void **state)
{
    expect_completion(*state, "<query xmlns='jabber:iq:roster'/>", ERR_XMPP, false);
    expect_cancel(*state);
}

static void no_forms(void **state)
{
    static const struct {
        const char *payload;
        bool has_session;
    } rows[] = {
        {"", false},
        {"<html/>", false},
        {"<command xmlns='other' status='executing' sessionid='s&amp;1'/>", false},
        {COMMAND("status='executing'", "<x xmlns='jabber:x:data' type='form'/>"), false},
        {COMMAND("status='executing' sessionid=''", "<x xmlns='jabber:x:data' type='form'/>"), false},
        {COMMAND("status='executing' sessionid='s&amp;1'", ""), true},
        {COMMAND("status='executing' sessionid='s&amp;1'", "<x xmlns='jabber:x:data' type='result'/>"), true},
        {COMMAND("status='executing' sessionid='s&amp;1'", "<x xmlns='other' type='form'/>"), true},
        {COMMAND("status='completed' sessionid='s&amp;1'", "<note type='info'>done?</note>"), true},
        {COMMAND("status='canceled' sessionid='s&amp;1'", ""), true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *fixture = NULL;
        setup((void **)&fixture);
        start(fixture);
        char id[PEER_ID_SIZE];
        take_execute(fixture, id);
        peer_answer(&fixture->peer, id, rows[i].payload);
        assert_int_equal(end(fixture), ERR_XMPP);
        if (rows[i].has_session)
            expect_cancel(fixture);
        expect_nothing_else(fixture);
        teardown((void **)&fixture);
    }
}

static void an_endless_session_id(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    char id[PEER_ID_SIZE], session[ADHOC_SESSION_MAX + 2], payload[1024];
    memset(session, 's', sizeof session - 1);
    session[sizeof session - 1] = '\0';
    snprintf(payload, sizeof payload,
             COMMAND("status='executing' sessionid='%s'", "<x xmlns='jabber:x:data' type='form'/>"), session);
    take_execute(fixture, id);
    peer_answer(&fixture->peer, id, payload);
    assert_int_equal(end(fixture), ERR_XMPP);
    expect_nothing_else(fixture);
}

static void send_error(struct fixture *fixture, const char *id, const char *condition)
{
    char text[1024];
    snprintf(text, sizeof text,
             "<iq type='error' id='%s' from='example.org'>" COMMAND(
                 "action='execute'", "") "<error type='auth'><%s "
                                         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
             id, condition);
    peer_write(&fixture->peer, text);
}

static void errors_have_meanings(void **state)
{
    static const struct {
        const char *condition;
        enum err on_execute;
        enum err on_complete;
        bool refused;
    } rows[] = {
        {"forbidden", ERR_FORBIDDEN, ERR_FORBIDDEN, false},
        {"not-allowed", ERR_BUSY, ERR_XMPP, false},
        {"item-not-found", ERR_UNSUPPORTED, OK, true},
        {"service-unavailable", ERR_UNSUPPORTED, ERR_UNSUPPORTED, false},
        {"conflict", ERR_XMPP, OK, true},
        {"bad-request", ERR_XMPP, ERR_XMPP, false},
        {"made-up", ERR_XMPP, ERR_XMPP, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *fixture = NULL;
        setup((void **)&fixture);
        char id[PEER_ID_SIZE];
        start(fixture);
        take_execute(fixture, id);
        send_error(fixture, id, rows[i].condition);
        assert_int_equal(end(fixture), rows[i].on_execute);
        start(fixture);
        take_execute(fixture, id);
        peer_answer(&fixture->peer, id, FORM);
        take_complete(fixture, id);
        send_error(fixture, id, rows[i].condition);
        assert_int_equal(end(fixture), rows[i].on_complete);
        assert_int_equal(fixture->calls[0].refused, rows[i].refused);
        expect_cancel(fixture); /* the session may have outlived the error */
        teardown((void **)&fixture);
    }
}

static void no_answer_to_the_completion(void **state)
{
    struct fixture *fixture = *state;
    fixture->task.deadline_ms = clock_ms() + 150;
    start(fixture);
    char id[PEER_ID_SIZE];
    take_execute(fixture, id);
    peer_answer(&fixture->peer, id, FORM);
    take_complete(fixture, id);
    assert_int_equal(end(fixture), ERR_TIMEOUT);
    expect_cancel(fixture);
}

static void a_form_that_comes_too_late_is_cancelled(void **state)
{
    struct fixture *fixture = *state;
    fixture->task.deadline_ms = clock_ms() + 50;
    start(fixture);
    char id[PEER_ID_SIZE];
    take_execute(fixture, id);
    assert_int_equal(end(fixture), ERR_TIMEOUT);
    peer_answer(&fixture->peer, id, FORM);
    expect_cancel(fixture);
}

static void only_forms_of_the_server_are_cancelled_late(void **state)
{
    static const char *const stanzas[] = {
        "<iq type='result' id='1' from='evil.example.org'>" FORM "</iq>",
        "<iq type='error' id='1' from='example.org'>" FORM "</iq>",
        "<iq type='result' id='1' from='example.org'>" NOTE("info") "</iq>",
        "<iq type='result' id='1' from='example.org'>" COMMAND("status='executing'", "") "</iq>",
        "<iq type='result' id='1' from='example.org'/>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++) {
        struct tree *tree = tree_of(stanzas[i]);
        struct buf reply;
        buf_init(&reply, 1024);
        assert_false(adhoc_cancel_late("example.org", "registrar.example.org", tree->root, "x", &reply));
        assert_int_equal(reply.length, 0);
        buf_free(&reply);
        tree_free(&tree);
    }
}

static void a_cut_between_the_steps(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    char id[PEER_ID_SIZE];
    take_execute(fixture, id);
    peer_answer(&fixture->peer, id, FORM);
    take_complete(fixture, id);
    peer_hang_up(&fixture->peer);
    assert_int_equal(end(fixture), ERR_XMPP_DOWN);
    peer_accept(&fixture->peer);
    expect_cancel(fixture); /* the session is still there, on the next link too */
}

/* Executes wait for each other, and not for completes. */
static void few_are_opened_at_once(void **state)
{
    struct fixture *fixture = *state;
    unsigned taken = 0;
    assert_int_equal(slots_take(fixture->opening, ADHOC_OPENING_MAX - 1, clock_ms(), &taken), OK);
    fixture->count = 2; /* another thread opens all but one: there is no room for two */
    start(fixture);
    expect_nothing_else(fixture);
    slots_give(fixture->opening, taken);
    char id[2][PEER_ID_SIZE];
    for (size_t i = 0; i < 2; i++)
        take_execute(fixture, id[i]);
    for (size_t i = 0; i < 2; i++)
        peer_answer(&fixture->peer, id[i], FORM);
    for (size_t i = 0; i < 2; i++)
        take_complete(fixture, id[i]);
    assert_int_equal(slots_take(fixture->opening, ADHOC_OPENING_MAX, clock_ms(), &taken), OK); /* given back by now */
    slots_give(fixture->opening, taken);
    for (size_t i = 0; i < 2; i++)
        peer_answer(&fixture->peer, id[i], NOTE("info"));
    assert_int_equal(end(fixture), OK);
}

static void several_at_once_after_what_goes_before(void **state)
{
    struct fixture *fixture = *state;
    struct batch before;
    batch_init(&before, &fixture->task);
    batch_presence_as(&before, "probe", "a@example.org", "b@example.org");
    fixture->before = &before;
    fixture->count = 3;
    start(fixture);
    char id[3][PEER_ID_SIZE];
    peer_expect(&fixture->peer, "<presence to=\"b@example.org\" type=\"probe\" from=\"a@example.org\"/>", NULL, 0);
    for (size_t i = 0; i < 3; i++)
        take_execute(fixture, id[i]); /* all of them before any answer */
    peer_answer(&fixture->peer, id[2], FORM);
    peer_answer(&fixture->peer, id[1], "<no-form xmlns='x'/>");
    peer_answer(&fixture->peer, id[0], FORM);
    take_complete(fixture, id[0]);
    take_complete(fixture, id[2]);
    peer_answer(&fixture->peer, id[2], NOTE("error"));
    peer_answer(&fixture->peer, id[0], NOTE("info"));
    assert_int_equal(end(fixture), ERR_XMPP);
    assert_int_equal(fixture->calls[0].result, OK);
    assert_int_equal(fixture->calls[1].result, ERR_XMPP);
    assert_int_equal(fixture->calls[2].result, OK);
    assert_true(!fixture->calls[0].refused && fixture->calls[2].refused);
    batch_free(&before);
}

static void one_slot_is_one_session_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->task.slots = 1;
    fixture->count = 2;
    start(fixture);
    for (int i = 0; i < 2; i++) {
        char id[PEER_ID_SIZE];
        take_execute(fixture, id);
        expect_nothing_else(fixture);
        peer_answer(&fixture->peer, id, FORM);
        take_complete(fixture, id);
        expect_nothing_else(fixture);
        peer_answer(&fixture->peer, id, NOTE("info"));
    }
    assert_int_equal(end(fixture), OK);
}

static void what_no_stanza_can_carry_is_not_sent(void **state)
{
    struct fixture *fixture = *state;
    fixture->calls[0].fields[0].value = secret_of_cstr("\x01");
    start(fixture);
    char id[PEER_ID_SIZE];
    take_execute(fixture, id);
    peer_answer(&fixture->peer, id, FORM);
    assert_int_equal(end(fixture), ERR_INVALID);
    expect_cancel(fixture); /* the session that was opened for it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_a_command),
        TEST(an_error_note_is_a_refusal),
        TEST(no_note_is_a_success),
        TEST(a_warning_is_a_success),
        TEST(one_error_among_notes_is_enough),
        TEST(another_stage_is_cancelled),
        TEST(a_completion_of_nothing_is_cancelled),
        cmocka_unit_test(no_forms),
        TEST(an_endless_session_id),
        cmocka_unit_test(errors_have_meanings),
        TEST(no_answer_to_the_completion),
        TEST(a_form_that_comes_too_late_is_cancelled),
        cmocka_unit_test(only_forms_of_the_server_are_cancelled_late),
        TEST(a_cut_between_the_steps),
        TEST(few_are_opened_at_once),
        TEST(several_at_once_after_what_goes_before),
        TEST(one_slot_is_one_session_at_a_time),
        TEST(what_no_stanza_can_carry_is_not_sent),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
