/* Calls behind the HTTP server: finished on its threads or on others, refused, abandoned by their clients; and the same
 * over TLS. */
#include "tests/unit/http/http_fixture.h"

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
    static const char *const unavailable[] = {"busy", "timeout", "db_down", "uncertain", "cache_down", "shutdown"};
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
    assert_true(answered >= 8 && busy > 0);
}

static void outlives_clients_that_leave(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct client client = client_open(http_port(server), false);
        client_send(&client, GET("/lane?sleep_ms=50"));
        for (int wait = 0; wait < 5000 && atomic_load(&taken_in) <= i; wait++)
            usleep(1000);
        if (i % 2 == 0) {
            struct linger reset = {.l_onoff = 1};
            setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        client_close(&client);
    }
    for (int i = 0; i < 1000 && http_active(server) > 0; i++)
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
    client_send(&client, GET("/lane?sleep_ms=1000"));
    for (int i = 0; i < 5000 && http_active(server) == 0; i++)
        usleep(1000);
    assert_int_equal(http_active(server), 1);
    assert_answer(client_answer(&client), 200, NULL, NULL);
    for (int i = 0; i < 5000 && http_active(server) > 0; i++)
        usleep(1000);
    assert_int_equal(http_active(server), 0);
    client_close(&client);
}

static void finishes_what_runs_when_quiesced(void **state)
{
    (void)state;
    struct client client = client_open(http_port(server), false);
    client_send(&client, GET("/lane?sleep_ms=500"));
    for (int i = 0; i < 5000 && http_active(server) == 0; i++)
        usleep(1000);
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
    int failed = cmocka_run_group_tests_name("http/calls", tests, NULL, NULL);
    certificate_remove();
    return failed;
}
