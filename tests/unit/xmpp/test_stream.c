/* The handshake byte for byte, its failures, and the ways a stream ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "xmpp/stream.h"

#define SERVER_HEADER(id)                                                                                              \
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "                             \
    "xmlns='jabber:component:accept' from='plays.shakespeare.lit'" id ">"
#define STREAM_ERROR(condition)                                                                                        \
    "<stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>prose</text><" condition                          \
    " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"

struct fixture {
    struct stream *stream;
    struct buf out;
    unsigned received;
    unsigned skipped;
};

static void on_received(void *arg, struct tree *stanza)
{
    struct fixture *fixture = arg;
    fixture->received++;
    tree_free(&stanza);
}

static void on_skipped(void *arg, const struct element *root, const char *reason)
{
    struct fixture *fixture = arg;
    assert_string_equal(root->name, "message");
    assert_string_equal(reason, "elements too deep");
    fixture->skipped++;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    buf_init(&fixture->out, 4096);
    const struct stream_config config = {.component = "plays.shakespeare.lit",
                                         .secret = secret_of_cstr("test"),
                                         .out = &fixture->out,
                                         .received = on_received,
                                         .skipped = on_skipped,
                                         .arg = fixture};
    fixture->stream = stream_new(&config);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    stream_free(&fixture->stream);
    assert_null(fixture->stream);
    buf_free(&fixture->out);
    free(fixture);
    return 0;
}

static enum err feed(struct fixture *fixture, const char *text)
{
    return stream_feed(fixture->stream, text, strlen(text));
}

static void sends_its_header_first(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(buf_cstr(&fixture->out),
                        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                        "xmlns:stream='http://etherx.jabber.org/streams' to='plays.shakespeare.lit'>");
}

/* printf 3BF96D32test | sha1sum */
static void answers_the_id_with_the_digest(void **state)
{
    struct fixture *fixture = *state;
    buf_clear(&fixture->out);
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='3BF96D32'")), OK);
    assert_string_equal(buf_cstr(&fixture->out), "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>");
    assert_false(stream_is_open(fixture->stream));
    assert_int_equal(feed(fixture, "<handshake/>"), OK);
    assert_true(stream_is_open(fixture->stream));
    assert_int_equal(feed(fixture, "<iq/><message/> <presence/>"), OK);
    assert_int_equal(fixture->received, 3);
    assert_string_equal(stream_reason(fixture->stream), "");
}

static void expect_over(struct fixture *fixture, const char *text, const char *reason, bool refused)
{
    assert_int_equal(feed(fixture, text), ERR_XMPP);
    assert_string_equal(stream_reason(fixture->stream), reason);
    assert_int_equal(stream_refused(fixture->stream), refused);
    assert_false(stream_is_open(fixture->stream));
    assert_int_equal(feed(fixture, "<iq/>"), ERR_XMPP);
    assert_int_equal(fixture->received, 0);
}

static void a_wrong_secret(void **state)
{
    expect_over(*state, SERVER_HEADER(" id='1'") STREAM_ERROR("not-authorized") "</stream:stream>", "not-authorized",
                false);
}

static void a_taken_domain_has_no_id(void **state)
{
    struct fixture *fixture = *state;
    buf_clear(&fixture->out);
    assert_int_equal(feed(fixture, SERVER_HEADER("")), OK);
    assert_int_equal(fixture->out.length, 0);
    assert_true(stream_conflicts(fixture->stream));
    expect_over(fixture, STREAM_ERROR("conflict"), "conflict", false);
    assert_true(stream_conflicts(fixture->stream));
}

static void a_taken_domain_can_be_said_plainly(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='1'") "<handshake/>"), OK);
    assert_false(stream_conflicts(fixture->stream));
    expect_over(fixture, STREAM_ERROR("conflict"), "conflict", false);
    assert_true(stream_conflicts(fixture->stream));
}

static void what_follows_a_header_without_an_id_says_more(void **state)
{
    struct fixture *fixture = *state;
    expect_over(fixture, SERVER_HEADER("") STREAM_ERROR("host-unknown"), "host-unknown", false);
    assert_false(stream_conflicts(fixture->stream));
}

static void garbage_after_a_header_without_an_id(void **state)
{
    struct fixture *fixture = *state;
    expect_over(fixture, SERVER_HEADER("") "<!-- -->", "a comment", true);
    assert_false(stream_conflicts(fixture->stream));
}

static void an_error_without_a_condition(void **state)
{
    expect_over(*state, SERVER_HEADER(" id='1'") "<stream:error/>", "a stream error without a condition", false);
}

static void a_stanza_before_the_handshake(void **state)
{
    expect_over(*state, SERVER_HEADER(" id='1'") "<iq/>", "a stanza before the handshake", true);
}

static void a_handshake_of_another_namespace(void **state)
{
    expect_over(*state, SERVER_HEADER(" id='1'") "<handshake xmlns='x'/>", "a stanza before the handshake", true);
}

static void not_a_stream(void **state)
{
    expect_over(*state, "<html>", "not an XMPP stream", true);
}

static void not_xml(void **state)
{
    expect_over(*state, "HTTP/1.1 400 Bad Request\r\n", "not well-formed (invalid token)", true);
}

static void an_endless_id(void **state)
{
    char header[1024];
    char id[300];
    memset(id, 'x', sizeof id);
    snprintf(header, sizeof header, SERVER_HEADER(" id='%.257s'"), id);
    expect_over(*state, header, "a stream id over 256 bytes", true);
}

static void the_server_ends_it(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='1'") "<handshake/>"), OK);
    expect_over(fixture, "</stream:stream>", "closed by the server", false);
}

static void a_bad_stanza_ends_an_open_stream(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='1'") "<handshake/>"), OK);
    expect_over(fixture, "<iq><!-- x --></iq>", "a comment", true);
}

#define DEEP(end) "<a><a><a><a><a><a><a><a><a><a>" end
#define TOO_DEEP  DEEP(DEEP(DEEP("")))

static void a_stanza_over_a_limit_is_skipped(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='1'") "<handshake/><message>" TOO_DEEP "<a><a>"), OK);
    assert_int_equal(fixture->skipped, 1);
    for (int i = 0; i < 32; i++)
        assert_int_equal(feed(fixture, "</a>"), OK);
    assert_int_equal(feed(fixture, "</message><iq/>"), OK);
    assert_int_equal(fixture->received, 1);
    assert_int_equal(fixture->skipped, 1);
}

static void but_not_before_the_handshake(void **state)
{
    expect_over(*state, SERVER_HEADER(" id='1'") "<message>" TOO_DEEP "<a>", "elements too deep", true);
}

static void nor_is_an_error(void **state)
{
    expect_over(*state,
                SERVER_HEADER(" id='1'") "<handshake/><stream:error><conflict "
                                         "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" TOO_DEEP "<a>",
                "conflict", false);
}

static void we_end_it_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(feed(fixture, SERVER_HEADER(" id='1'") "<handshake/>"), OK);
    buf_clear(&fixture->out);
    stream_end(fixture->stream);
    stream_end(fixture->stream);
    assert_string_equal(buf_cstr(&fixture->out), "</stream:stream>");
    assert_int_equal(feed(fixture, "<iq/>"), OK); /* what was on its way */
    assert_int_equal(fixture->received, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_its_header_first),
        TEST(answers_the_id_with_the_digest),
        TEST(a_wrong_secret),
        TEST(a_taken_domain_has_no_id),
        TEST(a_taken_domain_can_be_said_plainly),
        TEST(what_follows_a_header_without_an_id_says_more),
        TEST(garbage_after_a_header_without_an_id),
        TEST(an_error_without_a_condition),
        TEST(a_stanza_before_the_handshake),
        TEST(a_handshake_of_another_namespace),
        TEST(not_a_stream),
        TEST(not_xml),
        TEST(an_endless_id),
        TEST(the_server_ends_it),
        TEST(a_bad_stanza_ends_an_open_stream),
        TEST(a_stanza_over_a_limit_is_skipped),
        TEST(but_not_before_the_handshake),
        TEST(nor_is_an_error),
        TEST(we_end_it_once),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
