/* The client of a server's HTTP API, against one that is slow, endless, broken, or says no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"
#include "tests/unit/xmpp/api_peer.h"
#include "tests/unit/xmpp/peer.h"
#include "xmpp/http_api.h"

struct fixture {
    struct api_peer peer;
    _Atomic(const char *) answer;
    char last[API_TEXT_MAX]; /* request */
    struct xmpp_config config;
    struct http_api *api;
    struct http_call calls[HTTP_API_CALLS_MAX];
    pthread_t thread;
    enum err result;
};

static const char *answer(void *arg, const char *command, const char *request)
{
    struct fixture *fixture = arg;
    snprintf(fixture->last, sizeof fixture->last, "%s", request);
    return strcmp(command, "other") == 0 ? API_YES : fixture->answer;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    static const struct peer nobody;
    api_start(&fixture->peer, answer, fixture);
    fixture->answer = API_YES;
    fixture->config = peer_config(&nobody);
    fixture->config.api_url = fixture->peer.url;
    fixture->config.api_secret = secret_of_cstr("canary");
    for (size_t i = 0; i < HTTP_API_CALLS_MAX; i++) {
        http_call_init(&fixture->calls[i], "do");
        buf_printf(&fixture->calls[i].arguments, "{\"number\":%zu}", i);
    }
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_api_free(&fixture->api);
    assert_null(fixture->api);
    for (size_t i = 0; i < HTTP_API_CALLS_MAX; i++)
        http_call_free(&fixture->calls[i]);
    api_stop(&fixture->peer);
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
    free(fixture);
    return 0;
}

static enum err run(struct fixture *fixture, size_t count, unsigned at_once, int64_t ms)
{
    if (fixture->api == NULL)
        fixture->api = http_api_new(&fixture->config);
    return http_api_run(fixture->api, fixture->calls, count, at_once, clock_ms() + ms);
}

static enum err run_one(struct fixture *fixture)
{
    return run(fixture, 1, 1, 5000);
}

static const char *reason(struct fixture *fixture)
{
    static char text[HTTP_API_REASON_SIZE];
    http_api_reason(fixture->api, text);
    return text;
}

static void posts_a_command(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_one(fixture), OK);
    assert_string_equal(buf_cstr(&fixture->calls[0].answer), "0");
    assert_memory_equal(fixture->last, "POST /api/do HTTP/1.1\r\n", 23);
    assert_non_null(strstr(fixture->last, "\r\nContent-Type: application/json\r\n"));
    assert_null(strcasestr(fixture->last, "Expect:"));
    assert_string_equal(api_body(fixture->last), "{\"number\":0}");
    assert_string_equal(reason(fixture), "");
}

static void with_a_token(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_one(fixture), OK);
    assert_non_null(strstr(fixture->last, "\r\nAuthorization: Bearer canary\r\n"));
}

static void with_a_password(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.api_user = "registrar@example.org";
    assert_int_equal(run_one(fixture), OK);
    /* printf registrar@example.org:canary | base64 */
    assert_non_null(strstr(fixture->last, "\r\nAuthorization: Basic cmVnaXN0cmFyQGV4YW1wbGUub3JnOmNhbmFyeQ==\r\n"));
}

static void a_slash_at_the_urls_end_is_one(void **state)
{
    struct fixture *fixture = *state;
    char url[80];
    snprintf(url, sizeof url, "%s/", fixture->peer.url);
    fixture->config.api_url = url;
    assert_int_equal(run_one(fixture), OK);
    assert_memory_equal(fixture->last, "POST /api/do HTTP/1.1\r\n", 23);
}

static void what_answers_mean(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *answer;
        enum err err;
    } cases[] = {
        {API_YES, OK},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n0\r\n\r\n", OK},
        {API_STATUS("401"), ERR_FORBIDDEN},
        {API_STATUS("403"), ERR_FORBIDDEN},
        {API_STATUS("404"), ERR_UNSUPPORTED},
        {API_STATUS("400"), ERR_XMPP},
        {API_STATUS("500"), ERR_XMPP},
        {API_STATUS("201"), ERR_XMPP},
        {"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", ERR_XMPP},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"cut\":", OK}, /* waits for the rest: see below */
        {"nothing like HTTP\r\n\r\n", ERR_XMPP_DOWN},
        {API_DROPS, ERR_XMPP_DOWN},
        {API_FLOODS, ERR_TOO_LARGE},
        {API_HEAD_FLOODS, ERR_XMPP_DOWN},
        {API_HANGS, ERR_TIMEOUT},
        {API_TRICKLES, ERR_TIMEOUT},
        {API_YES, OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool waits = cases[i].err == ERR_TIMEOUT || strstr(cases[i].answer, "cut") != NULL;
        const int64_t begun = clock_ms();
        fixture->answer = cases[i].answer;
        const enum err err = run(fixture, 1, 1, waits ? 150 : 5000);
        if (err != (waits ? ERR_TIMEOUT : cases[i].err))
            fail_msg("%zu: %s: %s", i, cases[i].answer, err_name(err));
        assert_true(clock_ms() - begun < 3000);
        assert_true(fixture->calls[0].answer.length <= HTTP_API_ANSWER_MAX);
    }
}

/* The configuration's deadline holds where the caller's is later. */
static void a_request_has_its_own_deadline(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.request_timeout_ms = 100;
    fixture->answer = API_HANGS;
    const int64_t begun = clock_ms();
    assert_int_equal(run(fixture, 2, 2, 60000), ERR_TIMEOUT);
    assert_true(clock_ms() - begun < 2000);
    assert_int_equal(fixture->calls[1].result, ERR_TIMEOUT);
}

static void connections_are_kept(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(run_one(fixture), OK);
    assert_int_equal(fixture->peer.connections, 1);
    fixture->answer = API_DROPS;
    assert_int_equal(run_one(fixture), ERR_XMPP_DOWN);
    fixture->answer = API_YES;
    assert_int_equal(run_one(fixture), OK);
}

static void several_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer.answer_when = 4; /* nobody is answered before all are there */
    assert_int_equal(run(fixture, 4, 4, 5000), OK);
    assert_int_equal(fixture->peer.connections, 4);
    assert_int_equal(run(fixture, 4, 4, 5000), OK);
    assert_int_equal(fixture->peer.connections, 4);
}

static void one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, 4, 1, 5000), OK);
    assert_int_equal(fixture->peer.connections, 1);
    assert_string_equal(api_body(fixture->last), "{\"number\":3}");
    fixture->peer.answer_when = 2; /* of one at a time none is answered */
    assert_int_equal(run(fixture, 2, 1, 100), ERR_TIMEOUT);
}

static void one_result_each(void **state)
{
    struct fixture *fixture = *state;
    fixture->calls[1].command = "other";
    fixture->answer = API_STATUS("500");
    assert_int_equal(run(fixture, 3, 2, 5000), ERR_XMPP);
    assert_int_equal(fixture->calls[0].result, ERR_XMPP);
    assert_int_equal(fixture->calls[1].result, OK);
    assert_int_equal(fixture->calls[2].result, ERR_XMPP);
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.api_url = "http://127.0.0.1:1/api";
    assert_int_equal(run_one(fixture), ERR_XMPP_DOWN);
    assert_string_not_equal(reason(fixture), "");
}

static void plain_http_stays_on_the_machine(void **state)
{
    struct fixture *fixture = *state;
    const int64_t begun = clock_ms();
    fixture->config.api_url = "http://192.0.2.1:5280/api"; /* nobody's: connecting would wait */
    assert_int_equal(run_one(fixture), ERR_XMPP_DOWN);
    assert_string_equal(reason(fixture), "plain HTTP to another machine");
    assert_true(clock_ms() - begun < fixture->config.connect_timeout_ms / 2);
}

static void but_may_leave_it_on_a_protected_way(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.api_url = "http://192.0.2.1:5280/api";
    fixture->config.way_protected = true;
    assert_int_not_equal(run(fixture, 1, 1, 50), OK);
    assert_string_not_equal(reason(fixture), "plain HTTP to another machine"); /* it tried */
}

static void tls_is_checked(void **state)
{
    struct fixture *fixture = *state;
    char url[80];
    snprintf(url, sizeof url, "https%s", fixture->peer.url + strlen("http"));
    fixture->config.api_url = url;
    assert_int_equal(run_one(fixture), ERR_XMPP_DOWN);
    assert_int_equal(fixture->peer.requests, 0);
}

static void a_refusal_lasts_until_the_same_command_works(void **state)
{
    struct fixture *fixture = *state;
    fixture->answer = API_STATUS("401");
    assert_int_equal(run_one(fixture), ERR_FORBIDDEN);
    assert_string_equal(reason(fixture), "api_user or api_secret refused (401)");
    fixture->answer = API_STATUS("403");
    assert_int_equal(run_one(fixture), ERR_FORBIDDEN);
    assert_string_equal(reason(fixture), "api_user or api_secret refused (401)"); /* what the log was told */
    fixture->calls[0].command = "other";
    assert_int_equal(run_one(fixture), OK);
    assert_string_not_equal(reason(fixture), "");
    fixture->calls[0].command = "do";
    fixture->answer = API_YES;
    assert_int_equal(run_one(fixture), OK);
    assert_string_equal(reason(fixture), "");
    fixture->answer = API_STATUS("403");
    assert_int_equal(run_one(fixture), ERR_FORBIDDEN);
    assert_string_equal(reason(fixture), "do: not permitted (403)");
}

static void asking_is_no_failure(void **state)
{
    struct fixture *fixture = *state;
    fixture->answer = API_STATUS("403");
    fixture->calls[0].asking = true;
    assert_int_equal(run_one(fixture), ERR_FORBIDDEN);
    assert_string_equal(reason(fixture), "");
}

static void *call(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = run(fixture, 2, 1, 60000);
    return NULL;
}

static void refusing_ends_what_waits(void **state)
{
    struct fixture *fixture = *state;
    fixture->answer = API_HANGS;
    fixture->api = http_api_new(&fixture->config);
    fixture->config.request_timeout_ms = 60000;
    assert_int_equal(thread_start("call", 0, call, fixture, &fixture->thread), OK);
    while (fixture->peer.requests == 0)
        peer_pause(1);
    const int64_t begun = clock_ms();
    http_api_refuse(fixture->api);
    pthread_join(fixture->thread, NULL);
    assert_true(clock_ms() - begun < 1000);
    assert_int_equal(fixture->result, ERR_SHUTDOWN);
    assert_int_equal(fixture->calls[0].result, ERR_SHUTDOWN);
    assert_int_equal(fixture->calls[1].result, ERR_SHUTDOWN);
    assert_int_equal(run_one(fixture), ERR_SHUTDOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(posts_a_command),
        TEST(with_a_token),
        TEST(with_a_password),
        TEST(a_slash_at_the_urls_end_is_one),
        TEST(what_answers_mean),
        TEST(a_request_has_its_own_deadline),
        TEST(connections_are_kept),
        TEST(several_at_once),
        TEST(one_after_the_other),
        TEST(one_result_each),
        TEST(nobody_listens),
        TEST(plain_http_stays_on_the_machine),
        TEST(but_may_leave_it_on_a_protected_way),
        TEST(tls_is_checked),
        TEST(a_refusal_lasts_until_the_same_command_works),
        TEST(asking_is_no_failure),
        TEST(refusing_ends_what_waits),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
