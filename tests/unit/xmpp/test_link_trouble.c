/* The link against a server that is slow, babbles, forges, or lets another have our name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/crypto.h"
#include "tests/unit/xmpp/link_fixture.h"

/* Sends a byte now and then until the link is given up; returns how long after `started` that was. */
static int64_t trickle(struct fixture *fixture, int64_t started, const char *byte)
{
    while (status_of(fixture).up && clock_ms() < started + PEER_WAIT_MS) {
        (void)send(fixture->peer.fd, byte, 1, MSG_NOSIGNAL);
        peer_pause(10);
    }
    wait_until(fixture, false, 1);
    return clock_ms() - started;
}

static void expect_no_end(struct fixture *fixture, const char *begin)
{
    fixture->config.ping_interval_ms = 400;
    connect_once(fixture);
    start_call(fixture);
    const int64_t started = clock_ms();
    peer_write(&fixture->peer, begin);
    peer_answer(&fixture->peer, fixture->id, ""); /* is inside of what was begun */
    assert_in_range(trickle(fixture, started, "x"), 600, PEER_WAIT_MS);
    assert_string_equal(status_of(fixture).reason, "a stanza does not end");
    assert_int_equal(end_call(fixture), ERR_XMPP_DOWN);
    peer_hang_up(&fixture->peer);
    peer_accept(&fixture->peer);
    wait_until(fixture, true, 2);
}

static void a_stanza_that_does_not_end(void **state)
{
    expect_no_end(*state, "<message><body>");
}

static void nor_does_one_that_is_skipped(void **state)
{
    expect_no_end(*state, "<message><body>\x01");
}

static void a_tag_that_does_not_end(void **state)
{
    expect_no_end(*state, "<message a='");
}

static void many_stanzas_are_not_one(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.ping_interval_ms = 1000;
    connect_once(fixture);
    peer_write(&fixture->peer, "<message>");
    for (int i = 0; i < 60; i++) { /* never between two when it is looked at */
        peer_write(&fixture->peer, "</message><message>");
        peer_pause(50);
    }
    assert_true(status_of(fixture).up);
    assert_int_equal(status_of(fixture).generation, 1);
}

static void a_second_header(void **state)
{
    struct fixture *fixture = *state;
    connect_once(fixture);
    peer_write(&fixture->peer, "<stream:stream id='2' xmlns:stream='http://etherx.jabber.org/streams'>");
    wait_until(fixture, false, 1);
    assert_string_equal(status_of(fixture).reason, "a second stream header");
}

static void send_answer(struct fixture *fixture, const char *from, const char *id)
{
    char text[256];
    snprintf(text, sizeof text, "<iq type='result' id='%s' from='%s'/>", id, from);
    peer_write(&fixture->peer, text);
}

static void forged_answers_are_counted(void **state)
{
    struct fixture *fixture = *state;
    int64_t forged = metric_get(M_XMPP_IGNORED, "forged"), unasked = metric_get(M_XMPP_IGNORED, "unasked");
    connect_once(fixture);
    start_call(fixture);
    send_answer(fixture, "evil.example.net", fixture->id);
    send_answer(fixture, "user@example.org", fixture->id);
    send_answer(fixture, "example.org", "another");
    send_answer(fixture, "example.org", fixture->id);
    assert_int_equal(end_call(fixture), OK);
    send_answer(fixture, "example.org", fixture->id); /* double */
    while (metric_get(M_XMPP_IGNORED, "unasked") < unasked + 2)
        peer_pause(1);
    assert_int_equal(metric_get(M_XMPP_IGNORED, "forged"), forged + 2);
    assert_int_equal(metric_get(M_XMPP_IGNORED, "unasked"), unasked + 2);
    assert_true(status_of(fixture).up);
}

static void a_forged_answer_to_a_ping_is_no_sign_of_life(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.ping_interval_ms = 100;
    connect_once(fixture);
    char id[PEER_ID_SIZE];
    peer_take(&fixture->peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>", id);
    send_answer(fixture, "user@example.org", id);
    wait_until(fixture, false, 1);
    assert_string_equal(status_of(fixture).reason, "a ping was not answered");
}

/* However good the link was: two who fight for a name must not do it as fast as they can. Pauses are drawn from
 * ranges that double; that none of eight is long happens to one run in a hundred thousand. */
static void a_lost_name_is_no_good_link(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.backoff_base_ms = 10;
    fixture->config.backoff_cap_ms = 60000;
    int64_t failures = metric_get(M_XMPP_FAILURES, "");
    int64_t longest = 0;
    connect_once(fixture);
    for (uint64_t generation = 1; generation <= 8; generation++) {
        link_praise(fixture->link, generation);
        peer_write(&fixture->peer,
                   "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        peer_expect_end(&fixture->peer);
        int64_t ended = clock_ms();
        peer_accept_socket(&fixture->peer);
        longest = clock_ms() - ended > longest ? clock_ms() - ended : longest;
        assert_string_equal(status_of(fixture).reason, "conflict: our domain is taken");
        peer_handshake(&fixture->peer);
        wait_until(fixture, true, generation + 1);
    }
    assert_int_equal(metric_get(M_XMPP_FAILURES, ""), failures + 8);
    assert_in_range(longest, 75, PEER_WAIT_MS);
}

static void a_link_that_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.backoff_base_ms = 400;
    fixture->config.backoff_cap_ms = 400;
    connect_once(fixture);
    link_praise(fixture->link, 1); /* counts no more */
    link_drop(fixture->link, 7, "of another link");
    peer_expect_silence(&fixture->peer, 30);
    start_call(fixture);
    const int64_t started = clock_ms();
    link_drop(fixture->link, 1, "not of use");
    peer_expect_end(&fixture->peer);
    wait_until(fixture, false, 1);
    assert_string_equal(status_of(fixture).reason, "not of use");
    assert_int_equal(end_call(fixture), ERR_XMPP_DOWN);
    peer_accept(&fixture->peer);
    assert_true(clock_ms() - started >= 190); /* the next one is not tried at once */
    wait_until(fixture, true, 2);
    peer_expect_silence(&fixture->peer, 30);
}

enum { FLOOD_WAIT_MS = 60 * 1000 /* a loaded machine and ThreadSanitizer */, REQUESTS_MOST = 250 };
#define OUR_REQUEST "to=\"example.org\"/>"

/* Waits until as many more requests of a stranger were looked at. */
static void send_requests(struct fixture *fixture, int count)
{
    static const char request[] = "<iq type='get' id='f' from='stranger@example.net'><x xmlns='y'/></iq>";
    static char all[REQUESTS_MOST * sizeof request];
    const int handled = atomic_load(&fixture->received);
    const int64_t until = clock_ms() + FLOOD_WAIT_MS;
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(all + length, sizeof all - length, "%s", request);
    for (size_t sent = 0; sent < length;) {
        ssize_t some = send(fixture->peer.fd, all + sent, length - sent, MSG_NOSIGNAL);
        assert_true(some > 0);
        sent += (size_t)some;
    }
    while (atomic_load(&fixture->received) < handled + count && clock_ms() < until)
        peer_pause(1);
    assert_int_equal(atomic_load(&fixture->received), handled + count);
}

/* Until all replies that may wait do so, with us and with the kernel. */
static void fill(struct fixture *fixture)
{
    for (int i = 0; i < 120; i++)
        send_requests(fixture, REQUESTS_MOST);
}

/* Reads some; true when a request of ours is in it, else nothing of it is kept but what may be the beginning of one. */
static bool read_some(struct peer *peer, size_t *before)
{
    enum { A_READ = 8 * 1024, KEPT = 128 };
    ssize_t got = recv(peer->fd, peer->text + peer->length, A_READ, 0);
    assert_true(got > 0);
    *before += (size_t)got;
    peer->length += (size_t)got;
    peer->text[peer->length] = '\0';
    if (strstr(peer->text, OUR_REQUEST) != NULL)
        return true;
    const size_t kept = peer->length < KEPT ? peer->length : KEPT;
    memmove(peer->text, peer->text + peer->length - kept, kept + 1);
    peer->length = kept;
    return false;
}

/* The server takes less than what a stranger has us reply: a request of ours is behind what the kernel and we keep of
 * that, and not behind all that is still to come. */
static void a_flood_keeps_no_request_of_ours(void **state)
{
    enum {
        WINDOW = 16 * 1024,
        REQUESTS = 100 /* 19 KB of replies */,
        MOST = 6000 * 1000 /* the kernel keeps 4 at most */
    };
    struct fixture *fixture = *state;
    struct peer *peer = &fixture->peer;
    const int window = WINDOW;
    size_t before = 0;
    assert_int_equal(setsockopt(peer->listen_fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    fixture->config.request_timeout_ms = FLOOD_WAIT_MS;
    connect_once(fixture);
    fill(fixture);
    fixture->generation = 1;
    assert_int_equal(thread_start("call", 0, call, fixture, &fixture->thread), OK);
    while (!read_some(peer, &before)) {
        assert_true(before < MOST);
        send_requests(fixture, REQUESTS);
    }
    peer_answer(peer, fixture->request.id, "");
    assert_int_equal(end_call(fixture), OK);
}

static void what_is_posted_ends_no_attempt_to_connect(void **state)
{
    struct fixture *fixture = *state;
    struct buf text;
    buf_init(&text, 64);
    buf_puts(&text, "<kept/>");
    fixture->config.tls = XMPP_TLS_DIRECT;
    fixture->config.tls_pin_sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    start(fixture);
    peer_accept_socket(&fixture->peer);
    assert_true(peer_readable(fixture->peer.fd, PEER_WAIT_MS)); /* it shakes hands, and the server is slow */
    link_post(fixture->link, &text);
    peer_pause(50);
    assert_string_equal(status_of(fixture).reason, "not connected yet");
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stanza_that_does_not_end),
        TEST(nor_does_one_that_is_skipped),
        TEST(a_tag_that_does_not_end),
        TEST(many_stanzas_are_not_one),
        TEST(a_second_header),
        TEST(forged_answers_are_counted),
        TEST(a_forged_answer_to_a_ping_is_no_sign_of_life),
        TEST(a_lost_name_is_no_good_link),
        TEST(a_link_that_is_dropped),
        TEST(a_flood_keeps_no_request_of_ours),
        TEST(what_is_posted_ends_no_attempt_to_connect),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
