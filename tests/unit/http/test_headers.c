/* Requests of which a proxy and we could disagree where they end: refused, and the connection closed with whatever
 * follows on it unread. Each case is followed by a request of which nothing may be seen. */
#include "tests/unit/http/http_fixture.h"

#define START   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM "\r\n"
#define CHUNKED "3\r\na=1\r\n0\r\n\r\n"

static void expect_refused(const char *request, const char *why)
{
    struct client client = client_open(http_port(server), false);
    client_send(&client, request);
    struct answer answer = client_answer(&client);
    if (answer.status != 400)
        print_error("%s\n", request);
    assert_answer(answer, 400, "Connection: close\r\n", why);
    client_send(&client, GET("/echo?smuggled=1"));
    assert_true(client_sees_end(&client, 5000));
    assert_int_equal(client.length, 0);
    client_close(&client);
}

static void expect_taken(const char *request, const char *in_body)
{
    struct client client = client_open(http_port(server), false);
    client_send(&client, request);
    assert_answer(client_answer(&client), 200, NULL, in_body);
    client_send(&client, GET("/echo?b=2")); /* on the same connection */
    assert_answer(client_answer(&client), 200, NULL, "\"params\":{\"b\":\"2\"}");
    client_close(&client);
}

static void two_lengths(void **state)
{
    (void)state;
    static const char why[] = "more than one Content-Length\n";
    expect_refused(START "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=12", why);
    expect_refused(START "Content-Length: 4\r\nContent-Length: 3\r\n\r\na=12", why);
    expect_refused(START "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=1", why);
    expect_refused(START "Content-Length: 3\r\ncontent-LENGTH: 0\r\n\r\na=1", why);
    expect_refused("GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n", why);
}

static void a_length_and_an_encoding(void **state)
{
    (void)state;
    static const char why[] = "both Content-Length and Transfer-Encoding\n";
    expect_refused(START "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKED, why);
    expect_refused(START "Transfer-Encoding: chunked\r\nContent-Length: 13\r\n\r\n" CHUNKED, why);
    expect_refused(START "transfer-encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 0\r\n\r\n" CHUNKED, why);
}

static void unknown_encodings(void **state)
{
    (void)state;
    static const char *const encodings[] = {
        "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity",
        "gzip",          "xchunked",      "chunked;a=b",      "\"chunked\"",
    };
    char request[256];
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        snprintf(request, sizeof request, START "Transfer-Encoding: %s\r\n\r\n" CHUNKED, encodings[i]);
        expect_refused(request, "an unknown Transfer-Encoding\n");
    }
    expect_refused(START "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKED,
                   "an unknown Transfer-Encoding\n");
    expect_refused(START "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\na=1",
                   "an unknown Transfer-Encoding\n");
}

/* Of which libmicrohttpd makes other names, so that it sees no body and takes it for the next request. */
static void names_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "Content-Length : 30",
        "Content-Length\t: 30",
        "Content Length: 30",
        "Content-Length\x0b: 30",
        "Content\x01-Length: 30",
        "Transfer-Encoding : chunked",
        "X Y: z",
        "\"X\": y",
        "X(y): z",
        "X/Y: z",
        "Content-Length\xa0: 30",
    };
    char request[256];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(request, sizeof request, START "%s\r\n\r\n" GET("/echo?c=3"), lines[i]);
        expect_refused(request, "a header's name is none\n");
    }
    expect_refused("POST /echo HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n", "a header's name is none\n");
}

static void folded_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "Content-Length: 3\r\n 0",     "Content-Length: 3\r\n\t0",        "Content-Length:\r\n 30", "X: y\r\n z",
        "X: y\r\n Content-Length: 30", "Transfer-Encoding: chun\r\n ked", "X: y\r\n z\r\n \t z",
    };
    char request[256];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(request, sizeof request, START "%s\r\n\r\n" GET("/echo?c=3"), lines[i]);
        expect_refused(request, NULL);
        snprintf(request, sizeof request, START "%s\r\nY: z\r\n\r\n" GET("/echo?c=3"), lines[i]);
        expect_refused(request, NULL);
    }
}

static void control_characters(void **state)
{
    (void)state;
    expect_refused(START "X: y\rContent-Length: 30\r\n\r\n", "a header with control characters\n");
    expect_refused(START "X: \x0by\r\n\r\n", "a header with control characters\n");
    expect_refused(START "Transfer-Encoding:\x0b"
                         "chunked\r\n\r\n" CHUNKED,
                   "a header with control characters\n");
    expect_refused(START "X: y\x7f\r\n\r\n", "a header with control characters\n");
}

static void two_hosts(void **state)
{
    (void)state;
    expect_refused(START "Host: y\r\n\r\n", "more than one Host\n");
}

/* Also where nothing would be found, and for methods that nobody has. */
static void whatever_was_asked(void **state)
{
    (void)state;
    expect_refused("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\na=1", NULL);
    expect_refused("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", NULL);
}

static void what_is_usual(void **state)
{
    (void)state;
    expect_taken(START "Content-Length: 3\r\n\r\na=1", "\"a\":\"1\"");
    expect_taken(START "content-length:3\r\n\r\na=1", "\"a\":\"1\"");
    expect_taken(START "Content-Length: \t 3\r\n\r\na=1", "\"a\":\"1\"");
    expect_taken(START "Transfer-Encoding: chunked\r\n\r\n" CHUNKED, "\"a\":\"1\"");
    expect_taken(START "transfer-encoding: Chunked\r\n\r\n" CHUNKED, "\"a\":\"1\"");
    expect_taken(START "X:\r\nY: \r\nZ:\t\r\nContent-Length: 3\r\n\r\na=1", "\"a\":\"1\"");
    expect_taken(START "X: a: b, \"c\" \xc3\xa4 (d)\r\nX: again\tand more\r\nContent-Length: 3\r\n\r\na=1",
                 "\"a\":\"1\"");
    expect_taken(START "X-!#$%&'*+-.^_`|~0: y\r\nContent-Length: 3\r\n\r\na=1", "\"a\":\"1\"");
    expect_taken(START "Cookie: a=b; verify_id=c\r\nCookie: d=e\r\nContent-Length: 3\r\n\r\na=1", "\"cookie\":\"c\"");
}

/* Headers that come one byte at a time, or make the buffer grow, lie where they are looked for all the same. */
static void in_pieces(void **state)
{
    (void)state;
    static const char request[] = START "X: y\r\nContent-Length: 3\r\n\r\na=1";
    struct client client = client_open(http_port(server), false);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        client_send_bytes(&client, request + i, 1);
        if (i % 16 == 0)
            usleep(1000);
    }
    assert_answer(client_answer(&client), 200, NULL, "\"a\":\"1\"");
    client_close(&client);
    char large[8192];
    int length = snprintf(large, sizeof large, "%s", START);
    for (int i = 0; i < 100; i++)
        length += snprintf(large + length, sizeof large - (size_t)length, "X-%d: some value\r\n", i);
    snprintf(large + length, sizeof large - (size_t)length, "Content-Length: 3\r\n\r\na=1");
    expect_taken(large, "\"a\":\"1\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(two_lengths),       TEST(a_length_and_an_encoding),
        TEST(unknown_encodings), TEST(names_that_are_none),
        TEST(folded_lines),      TEST(control_characters),
        TEST(two_hosts),         TEST(whatever_was_asked),
        TEST(what_is_usual),     TEST(in_pieces),
    };
    return cmocka_run_group_tests_name("http/headers", tests, NULL, NULL);
}
