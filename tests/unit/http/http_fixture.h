/* For the tests of the HTTP server: one that is started and stopped around each test, and questions to it. */
#ifndef TESTS_UNIT_HTTP_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_HTTP_FIXTURE_H

#include "tests/unit/http/server_fixture.h"

static struct http_server *server;

static inline int start(void **state)
{
    bool *tls = *state;
    lanes_start(2, 8);
    struct http_config config = http_test_config(tls != NULL && *tls);
    assert_int_equal(http_start(&config, &server), OK);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    http_quiesce(server);
    lanes_stop();
    http_stop(&server);
    assert_null(server);
    assert_int_equal(metric_get(M_HTTP_CONNECTIONS, ""), 0);
    return 0;
}

static inline struct answer ask_over(bool tls, const char *request)
{
    struct client client = client_open(http_port(server), tls);
    client_send(&client, request);
    struct answer answer = client_answer(&client);
    client_close(&client);
    return answer;
}

static inline struct answer ask(const char *request)
{
    return ask_over(false, request);
}

static inline void assert_answer(struct answer answer, int status, const char *in_head, const char *in_body)
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

#endif
