/* The TCP port: lines in, lines out, in order; what is no line; who stays too long; what stops when. */
#include "tests/unit/http/server_fixture.h"

#include "component/base/buf.h"

static struct tcp_server *server;
static bool tls;

static int start_with(const struct tcp_config *config)
{
    lanes_start(2, 8);
    assert_int_equal(tcp_start(config, &server), OK);
    return 0;
}

static int start(void **state)
{
    tls = *state != NULL;
    struct tcp_config config = tcp_test_config(tls);
    return start_with(&config);
}

static int stop(void **state)
{
    (void)state;
    tcp_quiesce(server);
    lanes_stop();
    for (int i = 0; i < 5000 && tcp_active(server) > 0; i++)
        usleep(1000);
    tcp_stop(&server);
    assert_null(server);
    assert_int_equal(metric_get(M_TCP_CONNECTIONS, ""), 0);
    return 0;
}

static struct client open_client(void)
{
    return client_open(tcp_port(server), tls);
}

static void assert_line(struct client *client, const char *part)
{
    char *line = client_line(client);
    if (line == NULL || strstr(line, part) == NULL)
        fail_msg("expected %s, got %s", part, line);
    free(line);
}

static void assert_exchange(const char *request, const char *part, bool closed)
{
    struct client client = open_client();
    client_send(&client, request);
    assert_line(&client, part);
    if (closed) {
        assert_true(client_sees_end(&client, 2000));
    } else {
        client_send(&client, "{\"path\":\"/echo\",\"still\":1}\n");
        assert_line(&client, "\"still\":\"1\"");
    }
    client_close(&client);
}

#define ECHO_OK                                                                                                        \
    "{\"result\":\"ok\",\"transport\":\"tcp\",\"method\":\"POST\",\"peer\":\"127.0.0.1\",\"cookie\":null,\"params\":"

static void answers_a_line(void **state)
{
    (void)state;
    assert_exchange("{\"path\":\"/echo\",\"access_token\":\"x\",\"n\":7,\"l\":[1, 2]}\n",
                    ECHO_OK "{\"access_token\":\"x\",\"n\":\"7\",\"l\":\"[1,2]\"}}", false);
    assert_exchange(" { \"a\" : 1 , \"path\" : \"/echo\" } \r\n", ECHO_OK "{\"a\":\"1\"}}", false);
    assert_exchange("{\"path\":\"/lane\",\"sleep_ms\":20,\"b\":\"\\u00e9\"}\n", "\"b\":\"é\"", false);
    assert_exchange("{\"path\":\"/tcp\"}\n", ECHO_OK "{}}", false);
}

static void refuses_without_closing(void **state)
{
    (void)state;
    static const char failure[] = "{\"failure\":\"invalid\",\"route\":\"/echo\"}";
    static const char *const lines[] = {
        "{\"path\":\"/nothing\"}\n",
        "{\"path\":\"/get\"}\n",
        "{\"path\":\"/echo/\"}\n",
        "{\"path\":1}\n",
        "{\"path\":null}\n",
        "{\"path\":\"\"}\n",
        "{}\n",
        "{\"a\":1}\n",
        "[]\n",
        "{\"a\":1,\"a\":2}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_exchange(lines[i], failure, false);
    /* a known path: its dialect says what is wrong */
    assert_exchange("{\"path\":\"/echo\",\"a\":1,\"a\":2}\n", "\"result\":\"invalid\"", false);
    assert_exchange("{\"path\":\"/echo\",\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}\n", "\"result\":\"invalid\"",
                    false);
}

static void closes_after_what_is_not_json(void **state)
{
    (void)state;
    static const char *const lines[] = {"\n",
                                        "x\n",
                                        "{\n",
                                        "{\"path\":\"/echo\"\n",
                                        "GET /echo HTTP/1.1\r\n",
                                        "{\"path\":\"/echo\"}x\n",
                                        "{\"path\":\"/echo\",\"a\":\"\xff\"}\n",
                                        "{\"path\":\"/echo\",\"a\":\"\x01\"}\n",
                                        "\xef\xbb\xbf{\"path\":\"/echo\"}\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_exchange(lines[i], "{\"failure\":\"invalid\",\"route\":\"/echo\"}", true);
    /* nothing that follows is served */
    struct client client = open_client();
    client_send(&client, "x\n{\"path\":\"/lane\"}\n");
    assert_line(&client, "\"failure\":\"invalid\"");
    assert_true(client_sees_end(&client, 2000));
    client_close(&client);
    assert_int_equal(atomic_load(&lane_runs), 0);
}

static void lines_have_a_limit(void **state)
{
    (void)state;
    char line[1100];
    for (size_t length = 1023; length <= 1026; length++) {
        memset(line, ' ', sizeof line);
        memcpy(line, "{\"path\":\"/echo\"}", 16);
        strcpy(line + length, "\n");
        bool fits = length <= 1024;
        assert_exchange(line, fits ? "\"result\":\"ok\"" : "{\"failure\":\"too_large\",\"route\":\"/echo\"}", !fits);
    }
    /* and without an end */
    struct client client = open_client();
    for (int i = 0; i < 100 && !client.ended; i++)
        client_send(&client, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert_line(&client, "too_large");
    client_close(&client);
}

static void keeps_the_order_of_a_pipeline(void **state)
{
    (void)state;
    enum { LINES = 200 };
    struct client client = open_client();
    struct buf batch;
    buf_init(&batch, 64 * 1024);
    for (int i = 0; i < LINES; i++)
        buf_printf(&batch, "{\"path\":\"%s\",\"sleep_ms\":%d,\"n\":\"#%d#\"}\n", i % 3 ? "/echo" : "/lane", i % 7, i);
    client_send(&client, buf_cstr(&batch));
    for (int i = 0; i < LINES; i++) {
        char part[16];
        snprintf(part, sizeof part, "#%d#", i);
        assert_line(&client, part);
    }
    buf_free(&batch);
    client_close(&client);
}

static void puts_split_lines_together(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"path\":\"/echo\",\"n\":1}\n{\"path\":\"/lane\",\"n\":2}\n{\"path\":\"/echo\",\"n\":3}\n";
    struct client client = open_client();
    for (size_t i = 0; i < strlen(lines); i++) {
        client_send_bytes(&client, lines + i, 1);
        if (i % 5 == 0)
            usleep(1000);
    }
    assert_line(&client, "\"n\":\"1\"");
    assert_line(&client, "\"n\":\"2\"");
    assert_line(&client, "\"n\":\"3\"");
    client_close(&client);
}

static void answers_all_before_a_half_close_ends_it(void **state)
{
    (void)state;
    struct client client = open_client();
    client_send(&client,
                "{\"path\":\"/lane\",\"sleep_ms\":50,\"n\":1}\n{\"path\":\"/echo\",\"n\":2}\n{\"path\":\"/lane\"");
    if (tls)
        SSL_shutdown(client.ssl);
    else
        shutdown(client.fd, SHUT_WR);
    assert_line(&client, "\"n\":\"1\"");
    assert_line(&client, "\"n\":\"2\"");
    assert_true(client_sees_end(&client, 2000));
    assert_int_equal(client.length, 0);
    client_close(&client);
}

static void renders_failures_without_http(void **state)
{
    (void)state;
    assert_exchange("{\"path\":\"/echo\",\"result\":\"db_down\"}\n", "{\"failure\":\"db_down\",\"route\":\"/echo\"}",
                    false);
    assert_exchange("{\"path\":\"/lane\",\"result\":\"busy\"}\n", "{\"failure\":\"busy\",\"route\":\"/lane\"}", false);
    assert_exchange("{\"path\":\"/lane\",\"result\":\"token\"}\n", "\"result\":\"token\"", false);
}

static void serves_many_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 50, ROUNDS = 20 };
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = open_client();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            char line[128];
            snprintf(line, sizeof line, "{\"path\":\"/%s\",\"n\":\"#%d.%d#\"}\n", i % 8 ? "echo" : "lane", round, i);
            client_send(&clients[i], line);
        }
        for (int i = 0; i < CLIENTS; i++) {
            char part[32];
            snprintf(part, sizeof part, "#%d.%d#", round, i);
            assert_line(&clients[i], part);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
}

static void outlives_clients_that_leave(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct client client = open_client();
        client_send(&client, "{\"path\":\"/lane\",\"sleep_ms\":50}\n{\"path\":\"/lane\"}\n");
        usleep(5000);
        if (i % 2 == 0) {
            struct linger reset = {.l_onoff = 1};
            setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        client_close(&client);
    }
    for (int i = 0; i < 300 && (tcp_active(server) > 0 || metric_get(M_TCP_CONNECTIONS, "") > 0); i++)
        usleep(10000);
    assert_int_equal(tcp_active(server), 0);
    assert_int_equal(metric_get(M_TCP_CONNECTIONS, ""), 0);
    assert_exchange("{\"path\":\"/echo\"}\n", "\"result\":\"ok\"", false);
}

static void does_not_read_ahead_of_a_slow_reader(void **state)
{
    (void)state;
    struct client client = open_client();
    struct pollfd writable = {.fd = client.fd, .events = POLLOUT};
    /* answers of 100 kB each: soon neither side takes any more, and our own memory stays small */
    int sent = 0;
    while (sent < 20000 && poll(&writable, 1, 300) == 1) {
        client_send(&client, "{\"path\":\"/big\",\"size\":100000}\n");
        sent++;
    }
    for (int i = 0; i < sent; i++) {
        char *line = client_line(&client);
        assert_non_null(line);
        assert_int_equal(strlen(line), 100000);
        free(line);
        if (i == 30)
            break;
    }
    client_close(&client);
}

/* ---- limits ---- */

static int start_small(void **state)
{
    (void)state;
    tls = false;
    struct tcp_config config = tcp_test_config(false);
    config.connection_limit = 3;
    config.connections_per_address = 2;
    config.idle_timeout_ms = 600;
    return start_with(&config);
}

static void limits_connections(void **state)
{
    (void)state;
    struct client first = open_client(), second = open_client(), third = open_client();
    assert_true(client_sees_end(&third, 5000));
    client_send(&first, "{\"path\":\"/echo\"}\n");
    assert_line(&first, "\"result\":\"ok\"");
    client_close(&first);
    for (int i = 0; i < 5000 && metric_get(M_TCP_CONNECTIONS, "") > 1; i++)
        usleep(1000);
    struct client fourth = open_client();
    client_send(&fourth, "{\"path\":\"/echo\"}\n");
    assert_line(&fourth, "\"result\":\"ok\"");
    client_close(&fourth);
    client_close(&third);
    client_close(&second);
}

static void cuts_who_completes_no_line(void **state)
{
    (void)state;
    int64_t started = clock_ms();
    struct client silent = open_client();
    struct client dawdler = open_client();
    while (!dawdler.ended && clock_ms() - started < 6000) {
        client_send(&dawdler, "x");
        client_sees_end(&dawdler, 20);
    }
    assert_true(clock_ms() - started >= 500 && clock_ms() - started < 5000);
    assert_true(client_sees_end(&silent, 5000));
    client_close(&silent);
    client_close(&dawdler);
}

static void does_not_cut_who_waits_for_us(void **state)
{
    (void)state;
    struct client client = open_client();
    for (int i = 0; i < 2; i++) {
        client_send(&client, "{\"path\":\"/lane\",\"sleep_ms\":1000}\n");
        assert_line(&client, "\"result\":\"ok\"");
        usleep(50 * 1000);
    }
    client_close(&client);
}

/* ---- stopping ---- */

static void quiesces(void **state)
{
    (void)state;
    uint16_t port = tcp_port(server);
    struct client busy = open_client(), idle = open_client();
    client_send(&busy, "{\"path\":\"/lane\",\"sleep_ms\":500,\"n\":1}\n{\"path\":\"/lane\",\"n\":2}\n");
    client_send(&idle, "{\"path\":\"/echo\"}\n");
    assert_line(&idle, "ok");
    for (int i = 0; i < 5000 && tcp_active(server) != 1; i++)
        usleep(1000);
    assert_int_equal(tcp_active(server), 1);
    tcp_quiesce(server);
    client_send(&idle, "{\"path\":\"/echo\"}\n");
    assert_line(&busy, "\"n\":\"1\"");
    for (int i = 0; i < 5000 && tcp_active(server) > 0; i++)
        usleep(1000);
    assert_int_equal(tcp_active(server), 0);
    assert_false(client_read(&busy, 100));
    assert_false(client_read(&idle, 100));
    assert_int_equal(atomic_load(&lane_runs), 1);
    if (!tls) {
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
        close(fd);
    }
    client_close(&busy);
    client_close(&idle);
}

/* 1 when a client that knows this suite of TLS 1.2 alone is served. */
static int handshake_with(const char *suite)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(context, suite), 1);
    int fd = connect_to("127.0.0.1", tcp_port(server));
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    int result = SSL_connect(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return result;
}

/* Forward secrecy and authenticated encryption. */
static void takes_the_good_suites_only(void **state)
{
    (void)state;
    assert_int_equal(handshake_with("ECDHE-ECDSA-AES128-GCM-SHA256"), 1);
    assert_int_equal(handshake_with("ECDHE-ECDSA-AES256-GCM-SHA384"), 1);
    assert_int_equal(handshake_with("ECDHE-ECDSA-CHACHA20-POLY1305"), 1);
    assert_int_not_equal(handshake_with("ECDHE-ECDSA-AES128-SHA256"), 1); /* CBC */
    assert_int_not_equal(handshake_with("ECDHE-ECDSA-AES256-SHA384"), 1);
    assert_int_not_equal(handshake_with("ECDHE-ECDSA-AES128-SHA"), 1);
    assert_int_not_equal(handshake_with("ALL:!ECDHE"), 1);
}

static void refuses_to_start_badly(void **state)
{
    (void)state;
    struct tcp_server *none = NULL;
    struct tcp_config config = tcp_test_config(false);
    config.address = "nowhere";
    assert_int_equal(tcp_start(&config, &none), ERR_INVALID);
    config = tcp_test_config(false);
    config.port = tcp_port(server);
    assert_int_equal(tcp_start(&config, &none), ERR_INTERNAL);
    config = tcp_test_config(true);
    config.tls_cert_file = "/nonexistent";
    assert_int_equal(tcp_start(&config, &none), ERR_INVALID);
    config = tcp_test_config(true);
    config.tls_key_file = cert_file;
    assert_int_equal(tcp_start(&config, &none), ERR_INVALID);
    static const struct dialect *const no_dialects[] = {NULL};
    config = tcp_test_config(false);
    config.dialects = no_dialects;
    assert_int_equal(tcp_start(&config, &none), ERR_INVALID);
    assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TLS_TEST(name)                                                                                                 \
    {                                                                                                                  \
#name " (TLS)", name, start, stop, "tls"                                                                       \
    }
#define SMALL_TEST(name) cmocka_unit_test_setup_teardown(name, start_small, stop)
    const struct CMUnitTest tests[] = {
        TEST(answers_a_line),
        TEST(refuses_without_closing),
        TEST(closes_after_what_is_not_json),
        TEST(lines_have_a_limit),
        TEST(keeps_the_order_of_a_pipeline),
        TEST(puts_split_lines_together),
        TEST(answers_all_before_a_half_close_ends_it),
        TEST(renders_failures_without_http),
        TEST(serves_many_at_once),
        TEST(outlives_clients_that_leave),
        TEST(does_not_read_ahead_of_a_slow_reader),
        TEST(quiesces),
        TEST(refuses_to_start_badly),
        TLS_TEST(answers_a_line),
        TLS_TEST(closes_after_what_is_not_json),
        TLS_TEST(lines_have_a_limit),
        TLS_TEST(keeps_the_order_of_a_pipeline),
        TLS_TEST(puts_split_lines_together),
        TLS_TEST(answers_all_before_a_half_close_ends_it),
        TLS_TEST(serves_many_at_once),
        TLS_TEST(outlives_clients_that_leave),
        TLS_TEST(quiesces),
        TLS_TEST(takes_the_good_suites_only),
        SMALL_TEST(limits_connections),
        SMALL_TEST(cuts_who_completes_no_line),
        SMALL_TEST(does_not_cut_who_waits_for_us),
    };
    certificate_make();
    int failed = cmocka_run_group_tests_name("http/tcp", tests, NULL, NULL);
    certificate_remove();
    return failed;
}
