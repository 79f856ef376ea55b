/* Answers find the request that waits for them, and nothing else does; nobody waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "component/base/metrics.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/pending.h"

struct fixture {
    struct pending *pending;
    struct exchange exchange;
    struct request requests[3];
    pthread_t thread;
    int64_t deadline_ms;
    enum err result;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->pending = pending_new();
    for (size_t i = 0; i < 3; i++) {
        pending_id(fixture->pending, fixture->requests[i].id);
        snprintf(fixture->requests[i].peer, sizeof fixture->requests[i].peer, "example.org");
    }
    fixture->exchange = (struct exchange){.requests = fixture->requests, .count = 1};
    fixture->deadline_ms = clock_ms() + 5000;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 3; i++)
        tree_free(&fixture->requests[i].answer);
    pending_free(&fixture->pending);
    assert_null(fixture->pending);
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
    free(fixture);
    return 0;
}

static struct tree *answer_to(const char *id, const char *from, const char *type)
{
    char text[512];
    snprintf(text, sizeof text, "<iq type='%s' id='%s' from='%s'/>", type, id, from);
    return tree_of(text);
}

/* True: it was taken. */
static bool offer(struct fixture *fixture, const char *id, const char *from)
{
    struct tree *tree = answer_to(id, from, "result");
    bool taken = pending_answer(fixture->pending, tree);
    if (!taken)
        tree_free(&tree);
    return taken;
}

static void *wait_for_it(void *arg)
{
    struct fixture *fixture = arg;
    fixture->result = pending_wait(fixture->pending, &fixture->exchange, fixture->deadline_ms);
    return NULL;
}

static void start_waiting(struct fixture *fixture)
{
    pending_begin(fixture->pending, &fixture->exchange);
    assert_int_equal(thread_start("waiter", 0, wait_for_it, fixture, &fixture->thread), OK);
}

static void join(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
}

static void ids_differ(void **state)
{
    struct fixture *fixture = *state;
    struct pending *other = pending_new();
    char own[2][REQUEST_ID_SIZE], foreign[REQUEST_ID_SIZE];
    pending_id(fixture->pending, own[0]);
    pending_id(fixture->pending, own[1]);
    pending_id(other, foreign);
    assert_string_not_equal(own[0], own[1]);
    assert_memory_equal(own[0], own[1], 17); /* the prefix of this table */
    assert_memory_not_equal(own[0], foreign, 16);
    pending_free(&other);
}

static void an_answer_wakes_who_waits(void **state)
{
    struct fixture *fixture = *state;
    start_waiting(fixture);
    assert_true(offer(fixture, fixture->requests[0].id, "example.org"));
    join(fixture);
    assert_int_equal(fixture->result, OK);
    assert_int_equal(fixture->requests[0].result, OK);
    assert_string_equal(element_attribute(fixture->requests[0].answer->root, "id"), fixture->requests[0].id);
}

static void an_answer_before_the_waiting_counts(void **state)
{
    struct fixture *fixture = *state;
    pending_begin(fixture->pending, &fixture->exchange);
    assert_true(offer(fixture, fixture->requests[0].id, "example.org"));
    wait_for_it(fixture);
    assert_int_equal(fixture->result, OK);
}

static void an_error_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    pending_begin(fixture->pending, &fixture->exchange);
    assert_true(pending_answer(fixture->pending, answer_to(fixture->requests[0].id, "example.org", "error")));
    wait_for_it(fixture);
    assert_int_equal(fixture->result, OK);
}

static void what_does_not_fit_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    const char *id = fixture->requests[0].id;
    assert_false(offer(fixture, id, "example.org")); /* nobody waits yet */
    fixture->deadline_ms = clock_ms() + 100;
    start_waiting(fixture);
    assert_false(offer(fixture, id, "evil.example.org"));
    assert_false(offer(fixture, id, "example.org/resource"));
    assert_false(offer(fixture, id, ""));
    assert_true(pending_expects(fixture->pending, id)); /* so those were forged */
    assert_false(offer(fixture, "1", "example.org"));
    assert_false(pending_expects(fixture->pending, "1"));
    assert_false(offer(fixture, fixture->requests[1].id, "example.org")); /* not registered */
    assert_false(pending_expects(fixture->pending, fixture->requests[1].id));
    join(fixture);
    assert_int_equal(fixture->result, ERR_TIMEOUT);
    assert_int_equal(fixture->requests[0].result, ERR_TIMEOUT);
    assert_null(fixture->requests[0].answer);
    assert_false(offer(fixture, id, "example.org")); /* too late */
    assert_false(pending_expects(fixture->pending, id));
}

static void an_answer_counts_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 2;
    fixture->deadline_ms = clock_ms() + 50;
    start_waiting(fixture);
    assert_true(offer(fixture, fixture->requests[0].id, "example.org"));
    assert_false(offer(fixture, fixture->requests[0].id, "example.org"));
    assert_false(pending_expects(fixture->pending, fixture->requests[0].id));
    join(fixture);
    assert_int_equal(fixture->result, ERR_TIMEOUT);
    assert_int_equal(fixture->requests[0].result, OK); /* what came is there all the same */
    assert_non_null(fixture->requests[0].answer);
    assert_int_equal(fixture->requests[1].result, ERR_TIMEOUT);
}

static void all_answers_are_awaited_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 3;
    start_waiting(fixture);
    for (size_t i = 3; i-- > 0;)
        assert_true(offer(fixture, fixture->requests[i].id, "example.org"));
    join(fixture);
    assert_int_equal(fixture->result, OK);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(element_attribute(fixture->requests[i].answer->root, "id"), fixture->requests[i].id);
}

static void a_barrier_ends_the_waiting(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 3;
    fixture->exchange.barrier = true;
    start_waiting(fixture);
    assert_true(offer(fixture, fixture->requests[0].id, "example.org"));
    assert_true(offer(fixture, fixture->requests[2].id, "example.org"));
    join(fixture);
    assert_int_equal(fixture->result, ERR_NOT_FOUND);
    assert_int_equal(fixture->requests[0].result, OK);
    assert_int_equal(fixture->requests[1].result, ERR_NOT_FOUND);
    assert_int_equal(fixture->requests[2].result, OK);
}

/* Who waits has not woken up yet. */
static void an_answer_behind_the_barrier_does_not_begin_it_anew(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 2;
    fixture->exchange.barrier = true;
    fixture->deadline_ms = clock_ms() + 60000;
    pending_begin(fixture->pending, &fixture->exchange);
    assert_true(offer(fixture, fixture->requests[1].id, "example.org"));
    assert_true(offer(fixture, fixture->requests[0].id, "example.org"));
    int64_t started = clock_ms();
    wait_for_it(fixture);
    assert_in_range(clock_ms() - started, 0, 30000);
    assert_int_equal(fixture->result, OK);
}

static void without_its_barrier_it_is_a_timeout(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 2;
    fixture->exchange.barrier = true;
    fixture->deadline_ms = clock_ms() + 30;
    start_waiting(fixture);
    join(fixture);
    assert_int_equal(fixture->result, ERR_TIMEOUT);
    assert_int_equal(fixture->requests[0].result, ERR_TIMEOUT);
}

/* It is there, and too large: who waits is told so at once, the others are not concerned. */
static void a_refused_answer_wakes_who_waits(void **state)
{
    struct fixture *fixture = *state;
    fixture->exchange.count = 2;
    start_waiting(fixture);
    struct tree *forged = answer_to(fixture->requests[0].id, "example.net", "result");
    struct tree *refused = answer_to(fixture->requests[0].id, "example.org", "result");
    pending_refuse(fixture->pending, forged->root, ERR_TOO_LARGE); /* not from whom it must be */
    pending_refuse(fixture->pending, refused->root, ERR_TOO_LARGE);
    assert_false(offer(fixture, fixture->requests[0].id, "example.org")); /* it counts once */
    assert_true(offer(fixture, fixture->requests[1].id, "example.org"));
    join(fixture);
    assert_int_equal(fixture->result, ERR_TOO_LARGE);
    assert_int_equal(fixture->requests[0].result, ERR_TOO_LARGE);
    assert_null(fixture->requests[0].answer);
    assert_int_equal(fixture->requests[1].result, OK);
    assert_non_null(fixture->requests[1].answer);
    pending_refuse(fixture->pending, refused->root, ERR_TOO_LARGE); /* nobody waits any more */
    tree_free(&forged);
    tree_free(&refused);
}

static void failing_wakes_all(void **state)
{
    struct fixture *fixture = *state;
    int64_t started = clock_ms();
    start_waiting(fixture);
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 1);
    pending_fail(fixture->pending, ERR_XMPP_DOWN);
    join(fixture);
    assert_int_equal(fixture->result, ERR_XMPP_DOWN);
    assert_in_range(clock_ms() - started, 0, 2000);
    /* and does not touch who comes afterwards */
    an_answer_wakes_who_waits(state);
}

static void a_deadline_in_the_past_does_not_wait(void **state)
{
    struct fixture *fixture = *state;
    fixture->deadline_ms = clock_ms() - 1;
    pending_begin(fixture->pending, &fixture->exchange);
    wait_for_it(fixture);
    assert_int_equal(fixture->result, ERR_TIMEOUT);
}

/* Many at once, answered by one thread: each gets its own. */
enum { CROWD = 16, ROUNDS = 200 };

static void *ask_often(void *arg)
{
    struct fixture *fixture = arg;
    for (int round = 0; round < ROUNDS; round++) {
        pending_id(fixture->pending, fixture->requests[0].id);
        pending_begin(fixture->pending, &fixture->exchange);
        struct tree *answer = answer_to(fixture->requests[0].id, "example.org", "result");
        if (!pending_answer(fixture->pending, answer)) /* here from the asking side: the lists are what is tested */
            tree_free(&answer);
        enum err err = pending_wait(fixture->pending, &fixture->exchange, clock_ms() + 5000);
        if (err != OK ||
            strcmp(element_attribute_or_empty(fixture->requests[0].answer->root, "id"), fixture->requests[0].id) != 0)
            fixture->result = ERR_INTERNAL;
        tree_free(&fixture->requests[0].answer);
    }
    return NULL;
}

static void a_crowd(void **state)
{
    struct fixture *fixture = *state;
    static struct fixture crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = *fixture;
        crowd[i].result = OK;
        crowd[i].exchange.requests = crowd[i].requests;
        assert_int_equal(thread_start("crowd", 0, ask_often, &crowd[i], &crowd[i].thread), OK);
    }
    for (size_t i = 0; i < CROWD; i++) {
        join(&crowd[i]);
        assert_int_equal(crowd[i].result, OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_differ),
        TEST(an_answer_wakes_who_waits),
        TEST(an_answer_before_the_waiting_counts),
        TEST(an_error_is_an_answer),
        TEST(what_does_not_fit_is_not_taken),
        TEST(an_answer_counts_once),
        TEST(all_answers_are_awaited_in_any_order),
        TEST(a_barrier_ends_the_waiting),
        TEST(an_answer_behind_the_barrier_does_not_begin_it_anew),
        TEST(without_its_barrier_it_is_a_timeout),
        TEST(a_refused_answer_wakes_who_waits),
        TEST(failing_wakes_all),
        TEST(a_deadline_in_the_past_does_not_wait),
        TEST(a_crowd),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
