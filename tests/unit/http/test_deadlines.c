/* Clients that dawdle are cut, whatever they dawdle at, and nobody else is. */
#include "tests/unit/http/server_fixture.h"

#include <sys/resource.h>

enum { HEADERS_MS = 800, BODY_MS = 200, SEND_MS = 300, SLACK_MS = 4000 /* a loaded machine */, LONG_MS = 60000 };

static struct http_server *server;
static int64_t cut_before;

static int64_t cuts(const char *reason)
{
    return metric_get(M_HTTP_CUT, reason);
}

static int start(void **state)
{
    bool *tls = *state;
    lanes_start(2, 8);
    struct http_config config = http_test_config(tls != NULL && *tls);
    config.headers_timeout_ms = HEADERS_MS;
    config.body_timeout_ms = BODY_MS;
    config.send_timeout_ms = SEND_MS;
    assert_int_equal(http_start(&config, &server), OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_quiesce(server);
    lanes_stop();
    http_stop(&server);
    return 0;
}

/* One with times of its own, for a test that needs others to be long, or this one longer than a machine may stall. */
static struct http_server *start_with(int64_t headers_ms, int64_t send_ms)
{
    struct http_server *other;
    struct http_config config = http_test_config(false);
    config.headers_timeout_ms = headers_ms;
    config.body_timeout_ms = LONG_MS;
    config.send_timeout_ms = send_ms;
    assert_int_equal(http_start(&config, &other), OK);
    return other;
}

/* Sends `text`, then one byte of `rest` every 20 ms, until the other side closes. Returns how long after `started` that
 * was. */
static int64_t dawdle(struct client *client, int64_t started, const char *text, const char *rest)
{
    client_send(client, text);
    for (size_t i = 0; clock_ms() - started < 2 * SLACK_MS; i++) {
        if (rest[0] != '\0')
            client_send_bytes(client, &rest[i % strlen(rest)], 1);
        if (client_sees_end(client, 20))
            return clock_ms() - started;
    }
    fail_msg("was never cut");
    return 0;
}

static void assert_cut(const char *reason, bool tls, const char *text, const char *rest, int64_t after_ms)
{
    cut_before = cuts(reason);
    int64_t started = clock_ms(); /* a handshake is part of the time */
    struct client client = client_open(http_port(server), tls);
    int64_t took = dawdle(&client, started, text, rest);
    if (took < after_ms || took > after_ms + SLACK_MS)
        fail_msg("cut after %lld ms", (long long)took);
    assert_int_equal(cuts(reason), cut_before + 1);
    client_close(&client);
}

static void cuts_silence(void **state)
{
    (void)state;
    assert_cut("headers", false, "", "", HEADERS_MS);
}

static void cuts_a_request_line_that_never_ends(void **state)
{
    (void)state;
    assert_cut("headers", false, "GET /", "x", HEADERS_MS);
}

static void cuts_headers_that_never_end(void **state)
{
    (void)state;
    assert_cut("body", false, "GET /echo HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", BODY_MS);
}

static void cuts_a_body_that_never_ends(void **state)
{
    (void)state;
    assert_cut("body", false,
               "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
               "Content-Length: 10000\r\n\r\n",
               "x", BODY_MS);
    assert_cut("body", false,
               "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
               "Transfer-Encoding: chunked\r\n\r\n",
               "1\r\nx\r\n", BODY_MS);
}

static void cuts_a_refused_body_that_never_ends(void **state)
{
    (void)state;
    assert_cut("body", false, "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n", "x", BODY_MS);
}

static void cuts_a_query_that_libmicrohttpd_chokes_on(void **state)
{
    (void)state;
    /* behind a NUL, where we cannot take it away: see split_uri */
    char request[6000] = "GET /\0?";
    memset(request + 7, '&', 5000);
    strcpy(request + 5007, " HTTP/1.1\r\nHost: x\r\n\r\n");
    struct client client = client_open(http_port(server), false);
    client_send_bytes(&client, request, 5007 + 22);
    assert_true(client_sees_end(&client, BODY_MS + SLACK_MS));
    client_close(&client);
}

static void cuts_a_handshake_that_never_ends(void **state)
{
    (void)state;
    /* the head of a TLS record of 512 bytes, which then come one at a time */
    int64_t before = cuts("headers"), started = clock_ms();
    struct client client = {.fd = connect_to("127.0.0.1", http_port(server))};
    int64_t took = dawdle(&client, started, "\x16\x03\x01\x02", "\x01");
    assert_true(took < HEADERS_MS + SLACK_MS);
    assert_true(cuts("headers") <= before + 1);
    client_close(&client);
    assert_cut("headers", true, "", "", HEADERS_MS);
    assert_cut("body", true, "GET /echo HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", BODY_MS);
}

static int64_t cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* A client's hello, so that the server answers and waits: what OpenSSL sends first. */
static size_t make_hello(unsigned char *bytes_r, size_t size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_connect(ssl);
    int length = BIO_read(out, bytes_r, (int)size);
    assert_true(length > 100);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return (size_t)length;
}

static void handshakes_wait_without_spinning(void **state)
{
    (void)state;
    enum { CLIENTS = 12, WATCHED_MS = 250, WATCHES = 6, HELD_MS = 2000 };
    struct http_server *other = start_with(HELD_MS, LONG_MS);
    unsigned char hello[2048];
    const size_t length = make_hello(hello, sizeof hello);
    struct client clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        /* some send a byte, some half a hello, some all of it and never answer the server's */
        size_t sent = i % 3 == 0 ? 1 : i % 3 == 1 ? length / 2 : length;
        clients[i] = (struct client){.fd = connect_to("127.0.0.1", http_port(other))};
        client_send_bytes(&clients[i], (const char *)hello, sent);
    }
    int64_t spent = WATCHED_MS;
    for (int i = 0; i < WATCHES && spent > WATCHED_MS / 5; i++) { /* at first, hellos are answered */
        int64_t before = cpu_ms();
        usleep(WATCHED_MS * 1000);
        spent = cpu_ms() - before;
    }
    if (spent > WATCHED_MS / 5)
        fail_msg("%lld ms of computing while all wait", (long long)spent);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(client_sees_end(&clients[i], HELD_MS + SLACK_MS));
        client_close(&clients[i]);
    }
    http_stop(&other);
}

static void stops_while_handshakes_wait(void **state)
{
    (void)state;
    struct http_server *other;
    struct http_config config = http_test_config(true);
    assert_int_equal(http_start(&config, &other), OK);
    struct client clients[20];
    for (int i = 0; i < 20; i++) {
        clients[i] = (struct client){.fd = connect_to("127.0.0.1", http_port(other))};
        client_send_bytes(&clients[i], "\x16", 1);
    }
    usleep(50 * 1000);
    http_stop(&other);
    for (int i = 0; i < 20; i++) {
        assert_true(client_sees_end(&clients[i], 1000));
        client_close(&clients[i]);
    }
}

static void cuts_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct http_server *other = start_with(LONG_MS, SEND_MS); /* making so long a body takes a while */
    cut_before = cuts("send");
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    int small = 4096;
    setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(http_port(other)), .sin_addr.s_addr = htonl(0x7f000001)};
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    int64_t asked = clock_ms();
    client_send(&client, "GET /big?size=16000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    struct pollfd first_byte = {.fd = client.fd, .events = POLLIN};
    assert_int_equal(poll(&first_byte, 1, 30000), 1);
    int64_t started = clock_ms();
    while (cuts("send") == cut_before && clock_ms() - started < SEND_MS + SLACK_MS)
        usleep(10000);
    assert_int_equal(cuts("send"), cut_before + 1);
    assert_true(clock_ms() - asked >= SEND_MS);
    for (int i = 0; i < 500 && metric_get(M_HTTP_CONNECTIONS, "") > 0; i++)
        usleep(10000);
    assert_int_equal(metric_get(M_HTTP_CONNECTIONS, ""), 0);
    client_close(&client);
    http_stop(&other);
}

static void does_not_cut_who_waits_for_us(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    client_send(&client, "GET /lane?sleep_ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n");
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.status, 200);
    free(answer.body);
    client_close(&client);
}

static void every_request_has_its_own_time(void **state)
{
    (void)state;
    enum { OWN_MS = 1200, REQUESTS = 6, PAUSE_MS = 250 /* together they are longer */ };
    struct http_server *other = start_with(OWN_MS, LONG_MS);
    struct client client = client_open(http_port(other), false);
    for (int i = 0; i < REQUESTS; i++) {
        usleep(PAUSE_MS * 1000);
        client_send(&client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        struct answer answer = client_answer(&client);
        assert_int_equal(answer.status, 200);
        free(answer.body);
    }
    assert_true(client_sees_end(&client, OWN_MS + SLACK_MS));
    client_close(&client);
    http_stop(&other);
}

static void many_dawdlers_do_not_slow_others(void **state)
{
    (void)state;
    enum { DAWDLERS = 300 };
    struct client dawdlers[DAWDLERS];
    for (int i = 0; i < DAWDLERS; i++) {
        dawdlers[i] = client_open(http_port(server), false);
        client_send(&dawdlers[i], i % 2 ? "GET /echo HTTP/1.1\r\nHos"
                                        : "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                          "Content-Length: 65536\r\n\r\nx");
    }
    int64_t started = clock_ms();
    struct client client = client_open(http_port(server), false);
    for (int i = 0; i < 20; i++) {
        client_send(&client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        struct answer answer = client_answer(&client);
        assert_int_equal(answer.status, 200);
        free(answer.body);
    }
    assert_true(clock_ms() - started < 20 * BODY_MS); /* what each would wait for the dawdlers before it */
    client_close(&client);
    for (int i = 0; i < DAWDLERS; i++) {
        assert_true(client_sees_end(&dawdlers[i], HEADERS_MS + SLACK_MS));
        client_close(&dawdlers[i]);
    }
}

int main(void)
{
    static bool tls = true;
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(cuts_silence),
        TEST(cuts_a_request_line_that_never_ends),
        TEST(cuts_headers_that_never_end),
        TEST(cuts_a_body_that_never_ends),
        TEST(cuts_a_refused_body_that_never_ends),
        TEST(cuts_a_query_that_libmicrohttpd_chokes_on),
        {"cuts_a_handshake_that_never_ends", cuts_a_handshake_that_never_ends, start, stop, &tls},
        {"handshakes_wait_without_spinning", handshakes_wait_without_spinning, start, stop, &tls},
        TEST(stops_while_handshakes_wait),
        TEST(cuts_a_client_that_does_not_read),
        TEST(does_not_cut_who_waits_for_us),
        TEST(every_request_has_its_own_time),
        TEST(many_dawdlers_do_not_slow_others),
    };
    certificate_make();
    int failed = cmocka_run_group_tests_name("http/deadlines", tests, NULL, NULL);
    certificate_remove();
    return failed;
}
