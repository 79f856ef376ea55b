/* The HTTP server over real sockets: what is answered, with which status, and what happens to calls that leave its
 * threads. */
#include "tests/unit/http/server_fixture.h"

static struct http_server *server;

static int start(void **state)
{
    bool *tls = *state;
    lanes_start(2, 8);
    struct http_config config = http_test_config(tls != NULL && *tls);
    assert_int_equal(http_start(&config, &server), OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_quiesce(server);
    lanes_stop();
    http_stop(&server);
    assert_null(server);
    assert_int_equal(metric_get(M_HTTP_CONNECTIONS, ""), 0);
    return 0;
}

static struct answer ask_over(bool tls, const char *request)
{
    struct client client = client_open(http_port(server), tls);
    client_send(&client, request);
    struct answer answer = client_answer(&client);
    client_close(&client);
    return answer;
}

static struct answer ask(const char *request)
{
    return ask_over(false, request);
}

static void assert_answer(struct answer answer, int status, const char *in_head, const char *in_body)
{
    if (answer.status != status || (in_head != NULL && strstr(answer.head, in_head) == NULL) ||
        (in_body != NULL && (answer.body == NULL || strstr(answer.body, in_body) == NULL)))
        fail_msg("status %d, head %s, body %s", answer.status, answer.head, answer.body);
    free(answer.body);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(target, type, length, body)                                                                               \
    "POST " target " HTTP/1.1\r\nHost: x\r\nContent-Type: " type "\r\nContent-Length: " length "\r\n\r\n" body
#define FORM "application/x-www-form-urlencoded"

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

/* ---- calls ---- */

static void answers_a_call_that_ends_on_another_thread(void **state)
{
    (void)state;
    assert_answer(ask(GET("/lane?a=1&sleep_ms=50")), 200, NULL, "\"params\":{\"a\":\"1\",\"sleep_ms\":\"50\"}");
    assert_answer(ask(GET("/lane?result=password")), 200, NULL, "\"result\":\"password\"");
    assert_answer(ask(POST("/lane", FORM, "3", "a=1")), 200, NULL, "\"a\":\"1\"");
    assert_int_equal(atomic_load(&lane_runs), 3);
}

static void keeps_a_connection_alive(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    for (int i = 0; i < 20; i++) {
        client_send(&client, i % 2 == 0 ? GET("/lane?sleep_ms=1") : POST("/echo", FORM, "3", "a=1"));
        assert_answer(client_answer(&client), 200, NULL, "\"result\":\"ok\"");
    }
    /* and pipelined, over both kinds of calls */
    for (int i = 0; i < 10; i++)
        client_send(&client, i % 2 == 0 ? GET("/lane?n=even") : GET("/echo?n=odd"));
    for (int i = 0; i < 10; i++)
        assert_answer(client_answer(&client), 200, NULL, i % 2 == 0 ? "even" : "odd");
    client_close(&client);
}

static void tells_when_to_try_again(void **state)
{
    (void)state;
    static const char *const unavailable[] = {"busy", "timeout", "db_down", "cache_down", "shutdown"};
    for (size_t i = 0; i < sizeof unavailable / sizeof unavailable[0]; i++) {
        char request[256], body[128];
        snprintf(body, sizeof body, "{\"failure\":\"%s\",\"route\":\"/%s\"}", unavailable[i], i % 2 ? "echo" : "lane");
        snprintf(request, sizeof request, "GET /%s?result=%s HTTP/1.1\r\nHost: x\r\n\r\n", i % 2 ? "echo" : "lane",
                 unavailable[i]);
        assert_answer(ask(request), 503, "Retry-After: 1\r\n", body);
    }
    assert_answer(ask(GET("/echo?result=busy&retry_after=7")), 503, "Retry-After: 7\r\n", NULL);
    assert_answer(ask(GET("/echo?result=limited&retry_after=7")), 200, "Retry-After: 7\r\n", "\"result\":\"limited\"");
    struct answer answer = ask(GET("/echo?result=limited"));
    assert_null(strstr(answer.head, "Retry-After"));
    assert_answer(answer, 200, NULL, NULL);
    assert_answer(ask(GET("/echo?result=db")), 200, NULL, "\"result\":\"db\"");
    assert_answer(ask(GET("/echo?result=xmpp_down")), 200, NULL, "\"result\":\"xmpp_down\"");
}

static void a_full_lane_is_busy(void **state)
{
    (void)state;
    enum { CLIENTS = 20 }; /* two run, eight wait */
    struct client clients[CLIENTS];
    int answered = 0, busy = 0;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(http_port(server), false);
        client_send(&clients[i], GET("/lane?sleep_ms=300"));
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct answer answer = client_answer(&clients[i]);
        answered += answer.status == 200;
        busy += answer.status == 503 && strstr(answer.head, "Retry-After: ") != NULL;
        free(answer.body);
        client_close(&clients[i]);
    }
    assert_int_equal(answered + busy, CLIENTS);
    assert_true(answered >= 8 && answered <= 12);
}

static void outlives_clients_that_leave(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct client client = client_open(http_port(server), false);
        client_send(&client, GET("/lane?sleep_ms=50"));
        usleep(5000);
        if (i % 2 == 0) {
            struct linger reset = {.l_onoff = 1};
            setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        client_close(&client);
    }
    for (int i = 0; i < 200 && http_active(server) > 0; i++)
        usleep(10000);
    assert_int_equal(http_active(server), 0);
    assert_int_equal(atomic_load(&lane_runs), 8);
    assert_answer(ask(GET("/echo")), 200, NULL, NULL);
}

static void counts_what_is_active(void **state)
{
    (void)state;
    assert_int_equal(http_active(server), 0);
    struct client client = client_open(http_port(server), false);
    client_send(&client, GET("/lane?sleep_ms=200"));
    usleep(50000);
    assert_int_equal(http_active(server), 1);
    assert_answer(client_answer(&client), 200, NULL, NULL);
    for (int i = 0; i < 100 && http_active(server) > 0; i++)
        usleep(1000);
    assert_int_equal(http_active(server), 0);
    client_close(&client);
}

static void finishes_what_runs_when_quiesced(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    client_send(&client, GET("/lane?sleep_ms=100"));
    usleep(30000);
    uint16_t port = http_port(server);
    http_quiesce(server);
    assert_answer(client_answer(&client), 200, "Connection: close\r\n", NULL);
    assert_true(client_sees_end(&client, 2000));
    client_close(&client);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    close(fd);
}

static void sends_large_replies(void **state)
{
    (void)state;
    struct answer answer = ask(GET("/big?size=1000000"));
    assert_int_equal(answer.body_length, 1000000);
    assert_answer(answer, 200, "Content-Type: text/plain\r\n", "xxxx");
}

/* ---- TLS ---- */

static void answers_over_tls(void **state)
{
    (void)state;
    assert_answer(ask_over(true, GET("/echo?a=1")), 200, NULL, "\"transport\":\"https\"");
    assert_answer(ask_over(true, GET("/lane?sleep_ms=20")), 200, NULL, "\"result\":\"ok\"");
    assert_answer(ask_over(true, POST("/echo", FORM, "3", "a=1")), 200, NULL, "{\"a\":\"1\"}");
    struct answer answer = ask_over(true, GET("/big?size=500000"));
    assert_int_equal(answer.body_length, 500000);
    assert_answer(answer, 200, NULL, NULL);
}

static void speaks_tls_1_2_and_1_3_alone(void **state)
{
    (void)state;
    static const struct {
        int version;
        bool accepted;
    } cases[] = {{TLS1_VERSION, false}, {TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, cases[i].version);
        SSL_CTX_set_max_proto_version(context, cases[i].version);
        SSL *ssl = SSL_new(context);
        int fd = connect_to("127.0.0.1", http_port(server));
        SSL_set_fd(ssl, fd);
        assert_int_equal(SSL_connect(ssl) == 1, cases[i].accepted);
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd);
    }
}

static void agrees_on_x25519_at_once(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), true);
    assert_int_equal(SSL_get_negotiated_group(client.ssl), NID_X25519);
    assert_int_equal(SSL_version(client.ssl), TLS1_3_VERSION);
    client_close(&client);
}

static void refuses_to_start_badly(void **state)
{
    (void)state;
    struct http_server *none = NULL;
    struct http_config config = http_test_config(false);
    config.address = "localhost";
    assert_int_equal(http_start(&config, &none), ERR_INVALID);
    config = http_test_config(false);
    config.port = http_port(server);
    assert_int_equal(http_start(&config, &none), ERR_INTERNAL);
    config = http_test_config(true);
    config.tls_key_file = "/nonexistent";
    assert_int_equal(http_start(&config, &none), ERR_INVALID);
    config.tls_key_file = cert_file;
    assert_int_equal(http_start(&config, &none), ERR_INTERNAL);
    assert_null(none);
}

int main(void)
{
    static bool tls = true;
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TLS_TEST(name)                                                                                                 \
    {                                                                                                                  \
#name, name, start, stop, &tls                                                                                 \
    }
    const struct CMUnitTest tests[] = {
        TEST(answers_get),
        TEST(answers_posts),
        TEST(answers_chunked),
        TEST(reads_the_cookie),
        TEST(refuses_bad_parameters),
        TEST(refuses_a_raw_nul),
        TEST(survives_a_query_of_separators),
        TEST(knows_its_paths_exactly),
        TEST(tells_the_methods),
        TEST(refuses_unreadable_types),
        TEST(takes_64_kib_and_no_more),
        TEST(takes_64_kib_in_chunks_and_no_more),
        TEST(does_not_ask_for_what_it_refuses),
        TEST(takes_8_kib_of_headers_and_no_more),
        TEST(refuses_what_is_no_http),
        TEST(limits_connections_per_address),
        TEST(answers_a_call_that_ends_on_another_thread),
        TEST(keeps_a_connection_alive),
        TEST(tells_when_to_try_again),
        TEST(a_full_lane_is_busy),
        TEST(outlives_clients_that_leave),
        TEST(counts_what_is_active),
        TEST(finishes_what_runs_when_quiesced),
        TEST(sends_large_replies),
        TLS_TEST(answers_over_tls),
        TLS_TEST(speaks_tls_1_2_and_1_3_alone),
        TLS_TEST(agrees_on_x25519_at_once),
        TLS_TEST(refuses_to_start_badly),
    };
    certificate_make();
    int failed = cmocka_run_group_tests_name("http/http", tests, NULL, NULL);
    certificate_remove();
    return failed;
}
