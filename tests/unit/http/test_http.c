/* The HTTP server over real sockets: which requests are read, which refused, and with which status. */
#include "tests/unit/http/http_fixture.h"

/* ---- what is read ---- */

static void answers_get(void **state)
{
    (void)state;
    struct answer answer = ask(GET("/echo?user_name=a%20b&x="));
    assert_non_null(strstr(answer.head, "Content-Type: application/json; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.head, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(answer.head, "X-Test: yes\r\n"));
    assert_answer(answer, 200, NULL,
                  "{\"result\":\"ok\",\"transport\":\"http\",\"method\":\"GET\",\"peer\":\"127.0.0.1\",\"cookie\":null,"
                  "\"params\":{\"user_name\":\"a b\",\"x\":\"\"}}");
}

static struct answer post(const char *target, const char *type, const char *body)
{
    char request[1024];
    snprintf(request, sizeof request,
             "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", target, type,
             strlen(body), body);
    return ask(request);
}

static void answers_posts(void **state)
{
    (void)state;
    assert_answer(post("/echo?q=1", FORM, "a=%2B+b"), 200, NULL, "\"params\":{\"q\":\"1\",\"a\":\"+ b\"}");
    assert_answer(post("/echo", "application/json", "{\"a\":[1],\"b\":\"\\u00e9\"}"), 200, NULL,
                  "\"params\":{\"a\":\"[1]\",\"b\":\"é\"}");
    assert_answer(post("/echo", "application/json", "{\"a\":[1"), 200, NULL, "\"result\":\"invalid\"");
    assert_answer(post("/echo", "multipart/form-data; boundary=X",
                       "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--X--\r\n"),
                  200, NULL, "\"params\":{\"a\":\"value\"}");
    assert_answer(ask("POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 200, NULL,
                  "\"params\":{\"a\":\"1\"}");
    assert_answer(ask("POST /echo?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"), 200, NULL, "\"method\":\"POST\"");
}

static void answers_chunked(void **state)
{
    (void)state;
    assert_answer(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM "\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n"),
                  200, NULL, "\"params\":{\"a\":\"1\",\"b\":\"2\"}");
}

static void reads_the_cookie(void **state)
{
    (void)state;
    assert_answer(ask("GET /echo HTTP/1.1\r\nHost: x\r\nCookie: other=1; verify_id=abc-1\r\n\r\n"), 200, NULL,
                  "\"cookie\":\"abc-1\"");
}

static void refuses_bad_parameters(void **state)
{
    (void)state;
    static const char *const targets[] = {"a=%00",     "a=%",         "a=%zz", "a=%ff", "a=1&a=2",
                                          "a=1&%61=2", "a=x%00y&b=1", "=1",    "%00&b", "a=%c0%af"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /echo?%s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        assert_answer(ask(request), 200, NULL, "\"result\":\"invalid\"");
    }
    assert_answer(ask(POST("/echo?a=1", FORM, "3", "a=2")), 200, NULL, "\"result\":\"invalid\"");
    assert_answer(ask(POST("/echo", "multipart/form-data", "3", "a=2")), 200, NULL, "\"result\":\"invalid\"");
}

static void refuses_a_raw_nul(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    static const char request[] = "GET /echo?a=1\0&b=2 HTTP/1.1\r\nHost: x\r\n\r\n";
    client_send_bytes(&client, request, sizeof request - 1);
    assert_answer(client_answer(&client), 200, NULL, "\"result\":\"invalid\"");
    client_close(&client);
}

static void survives_a_query_of_separators(void **state)
{
    (void)state;
    char request[6000] = "GET /echo?";
    memset(request + 10, '&', 5000);
    strcpy(request + 5010, "a=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_answer(ask(request), 200, NULL, "\"params\":{\"a\":\"1\"}");
}

/* ---- routing ---- */

static void knows_its_paths_exactly(void **state)
{
    (void)state;
    static const char *const unknown[] = {"/",      "/nothing", "/echo/",      "/ech%6f",       "/ECHO", "//echo",
                                          "/ech",   "/echoo",   "/tcp",        "/./echo",       "*",     "/get/../echo",
                                          "/echo;", "/echo%00", "/echo%3fa=1", "http://x/echo", "/%",    "/echo#a"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", unknown[i]);
        assert_answer(ask(request), 404, "Cache-Control: no-store\r\n", "not found\n");
    }
}

static void reads_a_token_from_its_header(void **state)
{
    static const struct {
        const char *line, *answer;
    } cases[] = {
        {"", "{\"bearer\":\"\",\"accept\":null,"},
        {"Authorization: Bearer to-ken\r\n", "{\"bearer\":\"to-ken\","},
        {"authorization: bEARER to-ken\r\nAccept: image/png, */*\r\n",
         "{\"bearer\":\"to-ken\",\"accept\":\"image/png, */*\","},
        {"Authorization: Bearer\r\n", "{\"bearer\":\"\","},
        {"Authorization: Basic dTpw\r\n", "{\"bearer\":\"\","},
        {"Authorization: Bearerto-ken\r\n", "{\"bearer\":\"\","},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /header HTTP/1.1\r\nHost: x\r\n%s\r\n", cases[i].line);
        assert_answer(ask(request), 200, NULL, cases[i].answer);
    }
}

static void takes_put(void **state)
{
    (void)state;
    assert_answer(ask("PUT /header HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM "\r\nContent-Length: 3\r\n\r\na=1"), 200,
                  NULL, "\"method\":4}");
    assert_answer(ask(POST("/header", FORM, "3", "a=1")), 405, "Allow: GET, PUT\r\n", NULL);
}

static void tells_the_methods(void **state)
{
    (void)state;
    assert_answer(ask(POST("/get", FORM, "3", "a=1")), 405, "Allow: GET\r\n", "method not allowed\n");
    assert_answer(ask(GET("/post")), 405, "Allow: POST\r\n", NULL);
    assert_answer(ask("PUT /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 405, "Allow: GET, POST\r\n", NULL);
    assert_answer(ask("get /get HTTP/1.1\r\nHost: x\r\n\r\n"), 405, "Allow: GET\r\n", NULL);
    assert_answer(ask("DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n"), 404, NULL, NULL);
    struct client client = client_open(http_port(server), false);
    client_send(&client, "HEAD /get HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_false(client_read(&client, 0) && strstr(client.got, "HTTP/1.1 405") == NULL);
    client_close(&client);
}

/* ---- limits ---- */

static void refuses_unreadable_types(void **state)
{
    (void)state;
    assert_answer(ask(POST("/echo", "text/plain", "3", "a=1")), 415, "Content-Type: application/json",
                  "{\"failure\":\"invalid\",\"route\":\"/echo\"}");
    assert_answer(ask(POST("/echo", FORM "; charset=gbk", "3", "a=1")), 415, NULL, NULL);
    assert_answer(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=1"), 415, NULL, NULL);
    assert_answer(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM
                      "\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\na=1"),
                  415, NULL, NULL);
}

static char *long_post(const char *head, size_t body_length, size_t *length_r)
{
    size_t head_length = strlen(head);
    char *request = malloc(head_length + body_length);
    memcpy(request, head, head_length);
    memset(request + head_length, 'x', body_length);
    if (body_length > 1)
        memcpy(request + head_length, "a=", 2);
    *length_r = head_length + body_length;
    return request;
}

static void takes_64_kib_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *length;
        size_t sent;
        int status;
    } cases[] = {{"65536", 65536, 200},  {"65537", 65537, 413},       {"200000", 200000, 413},
                 {"1073741824", 0, 413}, {"1073741824", 100000, 413}, {"99999999999999999999999", 0, 413}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[256];
        snprintf(head, sizeof head,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM "\r\nContent-Length: %s\r\n\r\n",
                 cases[i].length);
        size_t length;
        char *request = long_post(head, cases[i].sent, &length);
        struct client client = client_open(http_port(server), false);
        int64_t started = clock_ms();
        client_send_bytes(&client, request, length);
        struct answer answer = client_answer(&client);
        assert_true(clock_ms() - started < 2000);
        bool ours = i < 5;
        assert_answer(answer, cases[i].status, NULL,
                      cases[i].status == 413 && ours ? "{\"failure\":\"too_large\",\"route\":\"/echo\"}" : NULL);
        client_close(&client);
        free(request);
    }
}

static void takes_64_kib_in_chunks_and_no_more(void **state)
{
    (void)state;
    static const struct {
        size_t chunks; /* of 4 KiB */
        int status;
    } cases[] = {{16, 200}, {17, 413}, {60, 413}, {200, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client client = client_open(http_port(server), false);
        client_send(&client,
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM "\r\nTransfer-Encoding: chunked\r\n\r\n");
        char chunk[4096 + 8] = "1000\r\na=";
        memset(chunk + 8, 'x', 4094);
        memcpy(chunk + 6 + 4096, "\r\n", 2);
        if (cases[i].chunks > 1)
            memcpy(chunk + 6, "a=", 2);
        for (size_t sent = 0; sent < cases[i].chunks; sent++)
            client_send_bytes(&client, chunk, 6 + 4096 + 2);
        client_send(&client, "0\r\n\r\n");
        assert_answer(client_answer(&client), cases[i].status, NULL, NULL);
        client_close(&client);
    }
}

static void does_not_ask_for_what_it_refuses(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM
                         "\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n");
    assert_answer(client_answer(&client), 413, NULL, "too_large");
    client_close(&client);
    client = client_open(http_port(server), false);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: " FORM
                         "\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_answer(client_answer(&client), 100, NULL, NULL);
    client_send(&client, "a=1");
    assert_answer(client_answer(&client), 200, NULL, "{\"a\":\"1\"}");
    client_close(&client);
}

static void takes_8_kib_of_headers_and_no_more(void **state)
{
    (void)state;
    static const struct {
        size_t padding;
        int status;
    } cases[] = {{7500, 200}, {8100, 200}, {8200, 431}, {12000, 431}, {60000, 431}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length;
        char *request = long_post("GET /echo HTTP/1.1\r\nHost: x\r\nX: ", cases[i].padding + 4, &length);
        memcpy(request + length - 4, "\r\n\r\n", 4);
        struct client client = client_open(http_port(server), false);
        client_send_bytes(&client, request, length);
        assert_answer(client_answer(&client), cases[i].status, NULL, NULL);
        client_close(&client);
        free(request);
    }
}

static void refuses_what_is_no_http(void **state)
{
    (void)state;
    assert_answer(ask("GET /echo HTTP/1.1\r\n\r\n"), 400, NULL, NULL); /* no Host */
    assert_answer(ask("GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400, NULL, NULL);
    assert_answer(ask("GET /echo HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"), 400, NULL, NULL);
    assert_answer(ask("\x16\x03\x01\x02\r\n\r\n"), 0, NULL, NULL);
}

static void limits_connections_per_address(void **state)
{
    (void)state;
    struct http_server *limited;
    struct http_config config = http_test_config(false);
    config.connections_per_address = 3;
    assert_int_equal(http_start(&config, &limited), OK);
    struct client clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = client_open_at(i == 0 ? "::1" : "127.0.0.1", http_port(limited), false);
        client_send(&clients[i], GET("/echo"));
        assert_answer(client_answer(&clients[i]), 200, NULL, i == 0 ? "\"::/64\"" : "\"127.0.0.1\"");
    }
    struct client third = client_open(http_port(limited), false);
    client_send(&third, GET("/echo"));
    assert_answer(client_answer(&third), 200, NULL, NULL);
    struct client fourth = client_open(http_port(limited), false);
    assert_true(client_sees_end(&fourth, 2000));
    client_close(&fourth);
    client_close(&third);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    http_stop(&limited);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(answers_get),
        TEST(answers_posts),
        TEST(answers_chunked),
        TEST(reads_the_cookie),
        TEST(refuses_bad_parameters),
        TEST(refuses_a_raw_nul),
        TEST(survives_a_query_of_separators),
        TEST(knows_its_paths_exactly),
        TEST(reads_a_token_from_its_header),
        TEST(takes_put),
        TEST(tells_the_methods),
        TEST(refuses_unreadable_types),
        TEST(takes_64_kib_and_no_more),
        TEST(takes_64_kib_in_chunks_and_no_more),
        TEST(does_not_ask_for_what_it_refuses),
        TEST(takes_8_kib_of_headers_and_no_more),
        TEST(refuses_what_is_no_http),
        TEST(limits_connections_per_address),
    };
    certificate_make();
    int failed = cmocka_run_group_tests_name("http/requests", tests, NULL, NULL);
    certificate_remove();
    return failed;
}
