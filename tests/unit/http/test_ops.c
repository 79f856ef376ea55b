/* The ops port: what balancers and Prometheus are told. */
#include "tests/unit/http/server_fixture.h"

#include "component/base/buf.h"

static struct ops_server *server;
static atomic_bool database_up, xmpp_up, braked;
static atomic_int asked;

static bool ready(void *arg, bool login_only, struct buf *why)
{
    assert(arg == &asked);
    atomic_fetch_add(&asked, 1);
    bool ok = true;
    if (!atomic_load(&database_up)) {
        buf_puts(why, "postgres: cannot be reached\n");
        ok = false;
    }
    if (!login_only && !atomic_load(&xmpp_up)) {
        buf_puts(why, "xmpp: no link\n");
        ok = false;
    }
    if (atomic_load(&braked))
        buf_puts(why, "reconcile: look\n");
    return ok;
}

static int start(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    atomic_store(&database_up, true);
    atomic_store(&xmpp_up, true);
    atomic_store(&braked, false);
    struct ops_config config = {.address = "127.0.0.1", .ready = ready, .arg = &asked};
    assert_int_equal(ops_start(&config, &server), OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    ops_stop(&server);
    assert_null(server);
    ops_stop(&server);
    return 0;
}

static void assert_page(const char *request_line, int status, const char *in_head, const char *body)
{
    char request[256];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request_line);
    struct client client = client_open(ops_port(server), false);
    client_send(&client, request);
    struct answer answer = client_answer(&client);
    if (answer.status != status || strstr(answer.head, in_head) == NULL || strcmp(answer.body, body) != 0)
        fail_msg("%s: status %d, head %s, body %s", request_line, answer.status, answer.head, answer.body);
    free(answer.body);
    client_close(&client);
}

static void is_live(void **state)
{
    (void)state;
    atomic_store(&database_up, false);
    assert_page("GET /livez", 200, "Content-Type: text/plain; charset=utf-8\r\n", "ok\n");
}

static void tells_what_is_not_ready(void **state)
{
    (void)state;
    assert_page("GET /readyz", 200, "Cache-Control: no-store\r\n", "ok\n");
    assert_page("GET /readyz/login", 200, "", "ok\n");
    atomic_store(&xmpp_up, false);
    assert_page("GET /readyz", 503, "", "xmpp: no link\n");
    assert_page("GET /readyz/login", 200, "", "ok\n");
    atomic_store(&database_up, false);
    assert_page("GET /readyz", 503, "", "postgres: cannot be reached\nxmpp: no link\n");
    assert_page("GET /readyz/login", 503, "", "postgres: cannot be reached\n");
    assert_int_equal(atomic_load(&asked), 6);
}

static void tells_what_to_look_at_though_it_is_ready(void **state)
{
    (void)state;
    atomic_store(&braked, true);
    assert_page("GET /readyz", 200, "Cache-Control: no-store\r\n", "ok\nreconcile: look\n");
    atomic_store(&xmpp_up, false);
    assert_page("GET /readyz", 503, "", "xmpp: no link\nreconcile: look\n");
}

static void shows_metrics(void **state)
{
    (void)state;
    metric_add(M_HTTP_CUT, "body", 1);
    struct client client = client_open(ops_port(server), false);
    client_send(&client, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.body, "# TYPE registrar_http_connections_cut_total counter\n"));
    assert_non_null(strstr(answer.body, "registrar_http_connections_cut_total{reason=\"body\"} 1\n"));
    free(answer.body);
    client_close(&client);
}

static void knows_nothing_else(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET /", "GET /livez/", "GET /readyz/log", "GET /LIVEZ", "POST /nothing"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_page(lines[i], 404, "", "not found\n");
    assert_page("POST /metrics", 405, "Allow: GET, HEAD\r\n", "method not allowed\n");
    assert_page("DELETE /livez", 405, "Allow: GET, HEAD\r\n", "method not allowed\n");
}

static void takes_no_body(void **state)
{
    (void)state;
    struct client client = client_open(ops_port(server), false);
    client_send(&client, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\nxxxx");
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.status, 405);
    free(answer.body);
    assert_true(client_sees_end(&client, 2000));
    client_close(&client);
}

static void refuses_to_start_badly(void **state)
{
    (void)state;
    struct ops_server *none = NULL;
    struct ops_config config = {.address = "127.0.0.1", .port = ops_port(server), .ready = ready};
    assert_int_equal(ops_start(&config, &none), ERR_INTERNAL);
    config.address = "here";
    assert_int_equal(ops_start(&config, &none), ERR_INVALID);
    assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(is_live),
        TEST(tells_what_is_not_ready),
        TEST(tells_what_to_look_at_though_it_is_ready),
        TEST(shows_metrics),
        TEST(knows_nothing_else),
        TEST(takes_no_body),
        TEST(refuses_to_start_badly),
    };
    return cmocka_run_group_tests_name("http/ops", tests, NULL, NULL);
}
