/* Metrics: values from many threads, labels that are claimed at once by all of them, and the exact text. The registry
 * is the process's, so each test has metrics of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/buf.h"
#include "component/base/metrics.h"

/* The whole text; the caller frees the buffer. */
static struct buf rendered(void)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_render(&out);
    assert_false(out.overflowed);
    return out;
}

static void assert_rendered(const char *expected)
{
    struct buf out = rendered();
    if (!strstr(buf_cstr(&out), expected))
        fail_msg("no %s in:\n%s", expected, buf_cstr(&out));
    buf_free(&out);
}

static void without_a_label(void **state)
{
    (void)state;
    metric_add(M_POSTGRES_ERRORS, "", 2);
    metric_add(M_POSTGRES_ERRORS, "", 3);
    metric_set(M_POSTGRES_UP, "", 1);
    metric_move(M_HTTP_CONNECTIONS, 5);
    metric_move(M_HTTP_CONNECTIONS, -2);
    assert_int_equal(metric_get(M_POSTGRES_ERRORS, ""), 5);
    assert_int_equal(metric_get(M_HTTP_CONNECTIONS, ""), 3);
    assert_rendered("# HELP registrar_postgres_errors_total Statements that failed\n"
                    "# TYPE registrar_postgres_errors_total counter\n"
                    "registrar_postgres_errors_total 5\n");
    assert_rendered("# TYPE registrar_postgres_up gauge\nregistrar_postgres_up 1\n");
    assert_rendered("\nregistrar_http_connections 3\n");
    assert_rendered("\nregistrar_redis_up 0\n"); /* never touched, there all the same */
}

static void labels_are_told_apart_by_content(void **state)
{
    (void)state;
    char copy[] = "login";
    metric_add(M_REQUESTS, "login", 1);
    metric_add(M_REQUESTS, copy, 1);
    metric_add(M_REQUESTS, "logout", 7);
    assert_int_equal(metric_get(M_REQUESTS, "login"), 2);
    assert_int_equal(metric_get(M_REQUESTS, "logout"), 7);
    assert_int_equal(metric_get(M_REQUESTS, "register"), 0);
    assert_rendered("# TYPE registrar_requests_total counter\n"
                    "registrar_requests_total{operation=\"login\"} 2\n"
                    "registrar_requests_total{operation=\"logout\"} 7\n"
                    "# HELP");
}

static void gauges_take_the_last_value(void **state)
{
    (void)state;
    metric_set(M_OUTBOX_DUE, "jid", 5);
    metric_set(M_OUTBOX_DUE, "jid", -1);
    assert_int_equal(metric_get(M_OUTBOX_DUE, "jid"), -1);
    assert_rendered("\nregistrar_outbox_due{kind=\"jid\"} -1\n");
}

static void buckets_are_cumulated(void **state)
{
    (void)state;
    static const int64_t times[] = {-5, 0, 100, 101, 250, 999999, 1000000, 30000000, 30000001, 100000000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        metric_observe(M_REQUEST_SECONDS, "verify", times[i]);
    assert_int_equal(metric_get(M_REQUEST_SECONDS, "verify"), 10);
#define LINE(bound, count) "registrar_request_seconds_bucket{operation=\"verify\",le=\"" bound "\"} " count "\n"
    assert_rendered("# TYPE registrar_request_seconds histogram\n" LINE("0.0001", "3") LINE("0.00025", "5")
                        LINE("0.0005", "5") LINE("0.001", "5") LINE("0.0025", "5") LINE("0.005", "5") LINE("0.01", "5")
                            LINE("0.025", "5") LINE("0.05", "5") LINE("0.1", "5") LINE("0.25", "5") LINE("0.5", "5")
                                LINE("1", "7") LINE("2.5", "7") LINE("5", "7") LINE("10", "7") LINE("30", "8") LINE(
                                    "+Inf", "10") "registrar_request_seconds_sum{operation=\"verify\"} 162.000451\n"
                                                  "registrar_request_seconds_count{operation=\"verify\"} 10\n");
#undef LINE
}

static void labels_are_bounded(void **state)
{
    (void)state;
    static char names[70][8];
    for (unsigned i = 0; i < 70; i++) {
        snprintf(names[i], sizeof names[i], "r%u", i);
        metric_add(M_HTTP_CUT, names[i], 1);
    }
    assert_int_equal(metric_get(M_HTTP_CUT, "r0"), 1);
    assert_int_equal(metric_get(M_HTTP_CUT, "r63"), 1);
    assert_int_equal(metric_get(M_HTTP_CUT, "r64"), 0);
    assert_int_equal(metric_get(M_HTTP_CUT, "other"), 6);
    assert_rendered("\nregistrar_http_connections_cut_total{reason=\"other\"} 6\n");
    metric_add(M_HTTP_CUT, "r0", 1);
    assert_int_equal(metric_get(M_HTTP_CUT, "r0"), 2);
}

enum { THREADS = 4, ROUNDS = 2000, NAMES = 8 };
static pthread_barrier_t together;

/* Each thread has copies of the names of its own, so that only their content is the same. */
static void *count_many(void *arg)
{
    char(*names)[8] = arg;
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < ROUNDS; i++) {
        metric_add(M_XMPP_REQUESTS, names[i % NAMES], 1);
        metric_observe(M_REQUEST_SECONDS, names[i % NAMES], 300);
        metric_move(M_XMPP_IN_FLIGHT, i % 2 ? -1 : 1);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    static char names[THREADS][NAMES][8];
    pthread_t threads[THREADS];
    pthread_barrier_init(&together, NULL, THREADS);
    for (unsigned t = 0; t < THREADS; t++) {
        for (unsigned i = 0; i < NAMES; i++)
            snprintf(names[t][i], sizeof names[t][i], "n%u", (i + t) % NAMES);
        assert_int_equal(pthread_create(&threads[t], NULL, count_many, names[t]), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct buf out = rendered(); /* while they count */
        buf_free(&out);
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    pthread_barrier_destroy(&together);
    for (unsigned i = 0; i < NAMES; i++) {
        char line[80];
        assert_int_equal(metric_get(M_XMPP_REQUESTS, names[0][i]), THREADS * ROUNDS / NAMES);
        assert_int_equal(metric_get(M_REQUEST_SECONDS, names[0][i]), THREADS * ROUNDS / NAMES);
        snprintf(line, sizeof line, "registrar_xmpp_requests_total{result=\"n%u\"}", i);
        struct buf out = rendered();
        const char *first = strstr(buf_cstr(&out), line);
        assert_non_null(first);
        assert_null(strstr(first + 1, line)); /* one slot a value */
        buf_free(&out);
    }
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
}

static void a_small_buffer_is_no_harm(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    metrics_render(&out);
    assert_true(out.overflowed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_label),
        cmocka_unit_test(labels_are_told_apart_by_content),
        cmocka_unit_test(gauges_take_the_last_value),
        cmocka_unit_test(buckets_are_cumulated),
        cmocka_unit_test(labels_are_bounded),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(a_small_buffer_is_no_harm),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
