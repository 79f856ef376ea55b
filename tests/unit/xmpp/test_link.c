/* The link against a server that misbehaves in every way a connection can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/crypto.h"
#include "tests/unit/xmpp/link_fixture.h"

static void comes_up_and_answers(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    peer_write(&fixture->peer, "<iq type='get' id='s1' from='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
    peer_expect(&fixture->peer, "<iq id=\"s1\" to=\"example.org\" type=\"result\" from=\"registrar.example.org\"/>",
                NULL, 0);
    start_call(fixture);
    peer_answer(&fixture->peer, fixture->id, "");
    assert_int_equal(end_call(fixture), OK);
    assert_int_equal(metric_get(M_XMPP_UP, ""), 1);
}

static void ends_politely(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    struct buf text;
    buf_init(&text, 64);
    buf_puts(&text, "<last/>");
    link_post(fixture->link, &text);
    int64_t started = clock_ms();
    link_close(&fixture->link); /* the peer says nothing: it is not waited for long */
    assert_in_range(clock_ms() - started, 0, 1500);
    peer_expect(&fixture->peer, "<last/></stream:stream>", NULL, 0);
    peer_expect_end(&fixture->peer);
    buf_free(&text);
}

static void calls_need_a_link(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    fixture->generation = 0;
    call(fixture);
    assert_int_equal(fixture->result, ERR_XMPP_DOWN);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 1);
    fixture->generation = 2; /* of another link than the one that is up */
    call(fixture);
    assert_int_equal(fixture->result, ERR_XMPP_DOWN);
    peer_expect_silence(&fixture->peer, 50);
}

static void a_cut_fails_what_waits_and_is_mended(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    for (uint64_t link = 1; link <= 5; link++) {
        start_call(fixture);
        peer_hang_up(&fixture->peer);
        assert_int_equal(end_call(fixture), ERR_XMPP_DOWN);
        peer_accept(&fixture->peer);
        wait_until(fixture, true, link + 1);
    }
    assert_string_equal(status_of(fixture).reason, "the server closed the connection");
    /* an answer to a request of an earlier link finds nobody */
    peer_answer(&fixture->peer, fixture->id, "");
    start_call(fixture);
    peer_answer(&fixture->peer, fixture->id, "");
    assert_int_equal(end_call(fixture), OK);
}

static void a_cut_inside_a_stanza(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    start_call(fixture);
    char half[256];
    snprintf(half, sizeof half, "<iq type='result' id='%s' from='example.org'><que", fixture->id);
    peer_write(&fixture->peer, half);
    peer_hang_up(&fixture->peer);
    assert_int_equal(end_call(fixture), ERR_XMPP_DOWN);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 2);
}

static void a_stream_error_is_the_reason(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    peer_write(&fixture->peer, "<stream:error><invalid-from xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                               "</stream:error></stream:stream>");
    peer_expect_end(&fixture->peer);
    wait_until(fixture, false, 1);
    assert_string_equal(status_of(fixture).reason, "invalid-from");
}

static void a_wrong_secret_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    for (int i = 0; i < 3; i++) {
        peer_accept_socket(&fixture->peer);
        peer_write(&fixture->peer,
                   PEER_HEADER(" id='x'") "<stream:error><not-authorized "
                                          "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        peer_expect_end(&fixture->peer);
    }
    assert_false(status_of(fixture).up);
    assert_string_equal(status_of(fixture).reason, "not-authorized");
    assert_int_equal(atomic_load(&fixture->ups), 0);
    peer_accept(&fixture->peer); /* until it is right */
    wait_until(fixture, true, 1);
}

static void a_taken_domain(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    peer_accept_socket(&fixture->peer);
    peer_write(&fixture->peer, PEER_HEADER(""));
    peer_expect(&fixture->peer, "to='registrar.example.org'>", NULL, 0);
    peer_hang_up(&fixture->peer);
    peer_accept_socket(&fixture->peer);
    assert_string_equal(status_of(fixture).reason, "conflict: our domain is taken");
}

static void a_praised_link_is_soon_followed(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.backoff_base_ms = 100; /* so that no link here is old enough by itself */
    fixture->config.backoff_cap_ms = 60000;
    connect_once(fixture);
    int64_t started = clock_ms();
    for (uint64_t generation = 1; generation <= 8; generation++) {
        link_praise(fixture->link, generation);
        peer_hang_up(&fixture->peer);
        peer_accept(&fixture->peer);
        wait_until(fixture, true, generation + 1);
    }
    assert_in_range(clock_ms() - started, 8 * 50, 8 * 1000); /* where the eighth pause alone could be 12 s */
}

static void what_is_refused_ends_the_link(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = metric_get(M_XMPP_REFUSED, "");
    connect_once(fixture);
    peer_write(&fixture->peer, "<message><!-- x --></message>");
    peer_expect_end(&fixture->peer);
    wait_until(fixture, false, 1);
    assert_string_equal(status_of(fixture).reason, "a comment");
    assert_int_equal(metric_get(M_XMPP_REFUSED, ""), before + 1);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 2);
}

/* What a user of the server can send: twice the largest tag that is kept. */
static char *long_attribute(const char *start, const char *end)
{
    enum { LENGTH = 128 * 1024 };
    char *text = malloc(LENGTH + strlen(start) + strlen(end) + 1);
    char *at = text + sprintf(text, "%s", start);
    memset(at, 'A', LENGTH);
    strcpy(at + LENGTH, end);
    return text;
}

static void a_message_over_a_limit_costs_nothing(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = metric_get(M_XMPP_REFUSED, "");
    connect_once(fixture);
    start_call(fixture);
    char *message = long_attribute("<message from='user@example.org'><b xmlns='x' a='", "'/></message>");
    for (int i = 0; i < 10; i++)
        peer_write(&fixture->peer, message);
    peer_answer(&fixture->peer, fixture->id, ""); /* what comes behind them is taken */
    assert_int_equal(end_call(fixture), OK);
    assert_int_equal(metric_get(M_XMPP_REFUSED, ""), before + 10);
    assert_int_equal(status_of(fixture).generation, 1);
    assert_true(status_of(fixture).up);
    free(message);
}

static void an_answer_over_a_limit_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.request_timeout_ms = 10000;
    connect_once(fixture);
    for (int i = 0; i < 3; i++) {
        start_call(fixture);
        int64_t started = clock_ms();
        char *roster =
            long_attribute("<query xmlns='jabber:iq:roster'><item jid='a@example.org' name='", "'/></query>");
        peer_answer(&fixture->peer, fixture->id, roster);
        assert_int_equal(end_call(fixture), ERR_TOO_LARGE);
        assert_in_range(clock_ms() - started, 0, fixture->config.request_timeout_ms / 2);
        free(roster);
        start_call(fixture);
        peer_answer(&fixture->peer, fixture->id, "");
        assert_int_equal(end_call(fixture), OK);
    }
    assert_int_equal(status_of(fixture).generation, 1);
}

static void a_server_without_a_handshake_is_left(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.connect_timeout_ms = 100;
    start(fixture);
    peer_accept_socket(&fixture->peer);
    peer_expect_end(&fixture->peer);
    assert_false(status_of(fixture).up);
    peer_accept_socket(&fixture->peer); /* and tried again */
    wait_reason(fixture, "no handshake in time");
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->peer.listen_fd);
    fixture->peer.listen_fd = -1;
    start(fixture);
    wait_reason(fixture, "connection refused");
}

static void a_name_that_is_none(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.host = "no-such-host.invalid";
    start(fixture);
    int64_t until = clock_ms() + PEER_WAIT_MS;
    while (strcmp(status_of(fixture).reason, "not connected yet") == 0 && clock_ms() < until)
        peer_pause(5);
    assert_string_not_equal(status_of(fixture).reason, "not connected yet");
    assert_false(status_of(fixture).up);
}

static void a_name_is_resolved(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.host = "localhost"; /* perhaps ::1 first, where nobody listens */
    connect_once(fixture);
}

static void a_silent_server_is_pinged(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.ping_interval_ms = 500;
    connect_once(fixture);
    for (int i = 0; i < 3; i++) {
        char id[PEER_ID_SIZE];
        peer_take(&fixture->peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>", id);
        peer_answer(&fixture->peer, id, "");
    }
    assert_true(status_of(fixture).up);
    assert_int_equal(status_of(fixture).generation, 1);
}

static void a_dead_server_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.ping_interval_ms = 100;
    int64_t started = clock_ms();
    connect_once(fixture);
    char id[PEER_ID_SIZE];
    peer_take(&fixture->peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>", id);
    peer_write(&fixture->peer, "<message/> "); /* noise is no answer */
    wait_until(fixture, false, 1);
    assert_in_range(clock_ms() - started, 150, PEER_WAIT_MS);
    assert_string_equal(status_of(fixture).reason, "a ping was not answered");
    peer_hang_up(&fixture->peer);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 2);
}

/* The peer stops reading: the queue fills, callers are refused, and the link is given up. */
static void a_server_that_takes_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.ping_interval_ms = 300;
    connect_once(fixture);
    static char filler[16 * 1024];
    memset(filler, ' ', sizeof filler);
    const struct buf text = {.data = filler, .length = sizeof filler};
    struct exchange none = {.requests = &fixture->request, .count = 0};
    enum err err = OK;
    size_t queued = 0;
    while (err == OK && queued < 64 * 1024 * 1024) {
        err = link_call(fixture->link, 1, &text, &none, clock_ms());
        queued += sizeof filler;
    }
    assert_true(err == ERR_BUSY || err == ERR_XMPP_DOWN);
    wait_until(fixture, false, 1);
    peer_hang_up(&fixture->peer);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 2);
}

static void refusing_wakes_who_waits(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    start_call(fixture);
    link_refuse(fixture->link);
    assert_int_equal(end_call(fixture), ERR_SHUTDOWN);
    call(fixture);
    assert_int_equal(fixture->result, ERR_SHUTDOWN);
    assert_true(status_of(fixture).up); /* late answers are still handled */
    struct buf text;
    buf_init(&text, 64);
    buf_puts(&text, "<cancel/>");
    link_post(fixture->link, &text);
    peer_expect(&fixture->peer, "<cancel/>", NULL, 0);
    buf_free(&text);
}

static void closing_does_not_wait_for_a_connection(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.connect_timeout_ms = 60000;
    fixture->config.backoff_base_ms = 60000;
    fixture->config.backoff_cap_ms = 60000;
    start(fixture);
    peer_accept_socket(&fixture->peer); /* no handshake */
    int64_t started = clock_ms();
    link_close(&fixture->link);
    assert_in_range(clock_ms() - started, 0, PEER_WAIT_MS);
}

static void closing_does_not_wait_for_the_pause(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.backoff_base_ms = 60000;
    fixture->config.backoff_cap_ms = 60000;
    start(fixture);
    peer_accept_socket(&fixture->peer);
    peer_hang_up(&fixture->peer);
    peer_pause(50);
    int64_t started = clock_ms();
    link_close(&fixture->link);
    assert_in_range(clock_ms() - started, 0, PEER_WAIT_MS);
}

static void pauses_grow_while_it_fails(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.backoff_base_ms = 40;
    fixture->config.backoff_cap_ms = 160;
    start(fixture);
    int64_t started = clock_ms();
    for (int i = 0; i < 6; i++) {
        peer_accept_socket(&fixture->peer);
        peer_hang_up(&fixture->peer);
    }
    /* five pauses of 20 ms or more each; at most 80 + 160 + ... and what the machine takes */
    assert_in_range(clock_ms() - started, 100, 4000);
}

enum { FLOOD_WAIT_MS = 60 * 1000 /* a loaded machine and ThreadSanitizer */ };

/* How many requests of a stranger were sent. */
static int send_flood(struct fixture *fixture)
{
    enum { BLOCKS = 120, A_BLOCK = 300 };
    static char block[A_BLOCK * 128];
    size_t length = 0;
    for (int i = 0; i < A_BLOCK; i++)
        length += (size_t)snprintf(block + length, sizeof block - length,
                                   "<iq type='get' id='f' from='stranger@example.net'><x xmlns='y'/></iq>");
    for (int i = 0; i < BLOCKS; i++)
        for (size_t sent = 0; sent < length;) {
            ssize_t some = send(fixture->peer.fd, block + sent, length - sent, MSG_NOSIGNAL);
            assert_true(some > 0);
            sent += (size_t)some;
        }
    return BLOCKS * A_BLOCK;
}

/* Reads until the needle came; false when nothing comes for so long. */
static bool skip_to(struct peer *peer, const char *needle, int64_t silence_ms, size_t *skipped)
{
    while (peer_read_more(peer, silence_ms)) {
        if (strstr(peer->text, needle) != NULL)
            return true;
        size_t kept = strlen(needle) < peer->length ? strlen(needle) : peer->length;
        *skipped += peer->length - kept;
        memmove(peer->text, peer->text + peer->length - kept, kept + 1);
        peer->length = kept;
    }
    return false;
}

/* Requests of a stranger come faster than their answers are read: replies are dropped, the memory is bounded. Nothing
 * is read before all requests were looked at: what comes then had been kept, by the link or by the kernel, for which
 * the small window leaves little. */
static void a_flood_of_requests(void **state)
{
    struct fixture *fixture = *state;
    const int window = 16 * 1024;
    assert_int_equal(setsockopt(fixture->peer.listen_fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    connect_once(fixture);
    int count = send_flood(fixture);
    int64_t until = clock_ms() + FLOOD_WAIT_MS;
    while (atomic_load(&fixture->received) < count && clock_ms() < until)
        peer_pause(5);
    assert_int_equal(atomic_load(&fixture->received), count);
    size_t replied = 0;
    while (!skip_to(&fixture->peer, "id=\"end\"", 300, &replied)) { /* it serves on, though this may be dropped too */
        assert_true(clock_ms() < until);
        peer_write(&fixture->peer, "<iq type='get' id='end' from='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
    }
    assert_in_range(replied, 1, 5 * 1000 * 1000); /* all replies are 6.6 MB; the kernel keeps 4 at most */
    assert_true(status_of(fixture).up);
}

/* In milliseconds, that a call takes whose answer is written in two pieces. The kernel holds the second back until the
 * first is acknowledged (Nagle's algorithm, which the peer leaves on). */
static int64_t time_of_pieces(struct fixture *fixture)
{
    static char first[8192 + 1];
    memset(first, ' ', sizeof first - 1);
    start_call(fixture);
    const int64_t started = clock_ms();
    snprintf(first, sizeof first, "<iq type='result' id='%s' from='example.org'>", fixture->id);
    first[strlen(first)] = ' ';
    peer_write(&fixture->peer, first);
    peer_write(&fixture->peer, "</iq>");
    assert_int_equal(end_call(fixture), OK);
    return clock_ms() - started;
}

static void an_answer_in_pieces_does_not_wait_for_acknowledgements(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    int64_t quickest = PEER_WAIT_MS;
    for (int i = 0; i < 20; i++) {
        const int64_t time = time_of_pieces(fixture);
        quickest = i >= 10 && time < quickest ? time : quickest; /* at first a kernel acknowledges all at once */
    }
    assert_in_range(quickest, 0, 35); /* else it is 40 and more */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_up_and_answers),
        TEST(ends_politely),
        TEST(calls_need_a_link),
        TEST(a_cut_fails_what_waits_and_is_mended),
        TEST(a_cut_inside_a_stanza),
        TEST(a_stream_error_is_the_reason),
        TEST(a_wrong_secret_is_tried_again),
        TEST(a_taken_domain),
        TEST(a_praised_link_is_soon_followed),
        TEST(what_is_refused_ends_the_link),
        TEST(a_message_over_a_limit_costs_nothing),
        TEST(an_answer_over_a_limit_is_told),
        TEST(a_server_without_a_handshake_is_left),
        TEST(nobody_listens),
        TEST(a_name_that_is_none),
        TEST(a_name_is_resolved),
        TEST(a_silent_server_is_pinged),
        TEST(a_dead_server_is_noticed),
        TEST(a_server_that_takes_nothing),
        TEST(refusing_wakes_who_waits),
        TEST(closing_does_not_wait_for_a_connection),
        TEST(closing_does_not_wait_for_the_pause),
        TEST(pauses_grow_while_it_fails),
        TEST(a_flood_of_requests),
        TEST(an_answer_in_pieces_does_not_wait_for_acknowledgements),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
