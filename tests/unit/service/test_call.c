/* The runner of calls (component/service/call.h): steps on their lanes, and the one end that every call has. */
#include "tests/unit/service/call_fixture.h"

/* What the steps of a test's operation note down. */
struct trace {
    char steps[32]; /* a letter a step: c caller, d database, h hash */
    size_t count;
    pthread_t threads[32];
    enum err last; /* what the last step answers */
    struct gate gate;
};

static enum err note(struct call *call, char letter)
{
    struct trace *trace = call->io;
    trace->threads[trace->count] = pthread_self();
    trace->steps[trace->count++] = letter;
    return OK;
}

static enum err on_caller(struct call *call, struct worker *worker)
{
    assert_null(worker);
    return note(call, 'c');
}

static enum err on_db(struct call *call, struct worker *worker)
{
    return note(call, worker->pg != NULL ? 'd' : '?');
}

static enum err on_hash(struct call *call, struct worker *worker)
{
    return note(call, worker->pg == NULL ? 'h' : '?');
}

static enum err last(struct call *call, struct worker *worker)
{
    (void)worker;
    const struct trace *trace = call->io;
    const enum err err = note(call, 'l');
    return err == OK ? trace->last : err;
}

static enum err done(struct call *call, struct worker *worker)
{
    (void)worker;
    call_done(call);
    return note(call, '.');
}

static enum err committed(struct call *call, struct worker *worker)
{
    (void)worker;
    call->settled = true;
    return note(call, 's');
}

static enum err at_gate(struct call *call, struct worker *worker)
{
    (void)worker;
    struct trace *trace = call->io;
    gate_wait(&trace->gate);
    return OK;
}

/* --- the way through the steps */

static void steps_run_in_order_each_on_its_lane(void **state)
{
    (void)state;
    static const struct op op = {
        "test", {{ON_CALLER, on_caller}, {ON_DB, on_db}, {ON_DB, on_db}, {ON_HASH, on_hash}, {ON_DB, on_db}}};
    struct trace trace = {.gate = GATE};
    assert_int_equal(run_op(&op, &trace), OK);
    assert_string_equal(trace.steps, "cddhd");
    assert_true(pthread_equal(trace.threads[0], pthread_self()));
    assert_true(pthread_equal(trace.threads[1], trace.threads[2])); /* not handed over in between */
    assert_false(pthread_equal(trace.threads[1], pthread_self()));
    assert_false(pthread_equal(trace.threads[3], trace.threads[2]));
}

static void an_error_is_the_last_step(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, on_db}, {ON_HASH, last}, {ON_DB, on_db}}};
    struct trace trace = {.last = ERR_PASSWORD, .gate = GATE};
    assert_int_equal(run_op(&op, &trace), ERR_PASSWORD);
    assert_string_equal(trace.steps, "dl");
}

static void done_is_the_last_step(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, done}, {ON_DB, on_db}, {ON_HASH, on_hash}}};
    struct trace trace = {.gate = GATE};
    assert_int_equal(run_op(&op, &trace), OK);
    assert_string_equal(trace.steps, ".");
}

static void what_is_committed_stays_a_success(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, committed}, {ON_HASH, last}}};
    struct trace trace = {.last = ERR_DB_DOWN, .gate = GATE};
    assert_int_equal(run_op(&op, &trace), OK);
    assert_string_equal(trace.steps, "sl");
}

/* --- on the transport's thread */

static void a_call_may_end_where_it_began(void **state)
{
    (void)state;
    static const struct op answered = {"test", {{ON_CALLER, on_caller}, {ON_CALLER, done}, {ON_DB, on_db}}};
    static const struct op refused = {"test", {{ON_CALLER, last}, {ON_DB, on_db}}};
    const struct op *const ops[] = {&answered, &refused};
    static const enum err results[] = {OK, ERR_TOKEN};
    for (size_t i = 0; i < 2; i++) {
        struct trace trace = {.last = ERR_TOKEN, .gate = GATE};
        struct test_call *test = test_call_new(ops[i], &trace);
        assert_true(call_begin(&test->call));
        assert_int_equal(test->call.result, results[i]);
        assert_int_equal(test->finished, 0); /* the caller goes on by himself */
        test_call_free(test);
    }
}

/* --- full lanes */

static const struct op op_gate = {"gate", {{ON_DB, at_gate}}}, op_hash_gate = {"gate", {{ON_HASH, at_gate}}};
static const struct op op_db = {"test", {{ON_DB, on_db}}}, op_hash = {"test", {{ON_HASH, on_hash}}};

static void a_full_lane_refuses_on_the_callers_thread(void **state)
{
    (void)state;
    const struct op *const blocking[] = {&op_gate, &op_hash_gate}, *const wanting[] = {&op_db, &op_hash};
    for (size_t i = 0; i < 2; i++) {
        struct trace blocked = {.gate = GATE}, waits = {.gate = GATE}, refused = {.gate = GATE};
        fixture_stop();
        fixture_start(1, 1, 1);
        struct test_call *first = test_call_new(blocking[i], &blocked);
        test_call_submit(first);
        gate_await(&blocked.gate, 1); /* it runs: the queue is empty */
        struct test_call *second = test_call_new(wanting[i], &waits), *third = test_call_new(wanting[i], &refused);
        test_call_submit(second);
        test_call_submit(third);
        assert_int_equal(third->finished, 1);
        assert_true(pthread_equal(third->finisher, pthread_self()));
        assert_true(third->call.retry_after_s > 0);
        assert_int_equal(test_call_result(third), ERR_BUSY);
        assert_int_equal(second->finished, 0);
        gate_open(&blocked.gate);
        assert_int_equal(test_call_result(first), OK);
        assert_int_equal(test_call_result(second), OK);
        assert_string_equal(refused.steps, "");
    }
}

/* Who has hashed already is not sent away because newcomers fill the database's queue. */
static void what_was_admitted_comes_through(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_HASH, on_hash}, {ON_DB, on_db}}};
    struct trace blocked = {.gate = GATE}, queued = {.gate = GATE}, admitted = {.gate = GATE};
    fixture_stop();
    fixture_start(1, 1, 1);
    struct test_call *first = test_call_new(&op_gate, &blocked);
    test_call_submit(first);
    gate_await(&blocked.gate, 1);
    struct test_call *second = test_call_new(&op_db, &queued), *third = test_call_new(&op, &admitted);
    test_call_submit(second); /* the queue is full */
    test_call_submit(third);
    gate_open(&blocked.gate);
    assert_int_equal(test_call_result(third), OK);
    assert_string_equal(admitted.steps, "hd");
    assert_int_equal(test_call_result(second), OK);
    assert_int_equal(test_call_result(first), OK);
}

static void who_waited_too_long_is_told_so(void **state)
{
    (void)state;
    struct trace blocked = {.gate = GATE}, late = {.gate = GATE};
    fixture_stop();
    fixture_start(1, 10, 10);
    struct test_call *first = test_call_new(&op_gate, &blocked), *second = test_call_new(&op_db, &late);
    test_call_submit(first);
    gate_await(&blocked.gate, 1);
    second->call.deadline_ms = clock_ms() - 1;
    test_call_submit(second);
    gate_open(&blocked.gate);
    assert_int_equal(test_call_result(second), ERR_TIMEOUT);
    assert_int_equal(test_call_result(first), OK);
    assert_string_equal(late.steps, "");
}

static enum err leave_something(struct call *call, struct worker *worker)
{
    (void)worker;
    call->deadline_ms = clock_ms() - 1;
    return note(call, 'b');
}

static enum err leave_what_must_be_done(struct call *call, struct worker *worker)
{
    call->must_finish = true;
    return leave_something(call, worker);
}

/* An account that was committed is looked at, and a code that nobody sent is withdrawn, also when the time is over. */
static void what_must_be_finished_is_run_however_late(void **state)
{
    (void)state;
    static const struct op may = {"test", {{ON_DB, leave_something}, {ON_HASH, on_hash}, {ON_DB, on_db}}};
    static const struct op must = {"test", {{ON_DB, leave_what_must_be_done}, {ON_HASH, on_hash}, {ON_DB, on_db}}};
    struct trace late = {.gate = GATE}, finished = {.gate = GATE};
    assert_int_equal(run_op(&may, &late), ERR_TIMEOUT);
    assert_string_equal(late.steps, "b");
    assert_int_equal(run_op(&must, &finished), OK);
    assert_string_equal(finished.steps, "bhd");
}

static void a_stopped_lane_answers_too(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, on_db}, {ON_HASH, on_hash}}};
    struct trace trace = {.gate = GATE};
    lane_stop(&services.runtime.hash, FINISH_MS);
    const struct lane_config none = {.name = "hash", .threads = 1, .queue_limit = 0};
    assert_int_equal(lane_start(&none, &services.runtime.hash), OK); /* a lane that takes nothing */
    assert_int_equal(run_op(&op, &trace), ERR_BUSY);
    assert_string_equal(trace.steps, "d");
}

/* --- waiting */

static enum err wait_for_key(struct call *call, struct worker *worker)
{
    (void)worker;
    const uint64_t key = WAIT_KEY(WAIT_JID, 7);
    const enum err err = ticket_take(services.runtime.waiters, call, &key, 1, clock_ms() + LONG_MS);
    return err == OK ? note(call, 'w') : err;
}

static void a_call_sleeps_until_it_is_woken(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, wait_for_key}, {ON_WAIT, NULL}, {ON_DB, on_db}}};
    struct trace trace = {.gate = GATE};
    struct test_call *test = test_call_new(&op, &trace);
    test_call_submit(test);
    assert_false(test_call_wait(test, 100));
    waiters_punch(services.runtime.waiters, WAIT_KEY(WAIT_WISH, 7)); /* of another kind */
    waiters_punch(services.runtime.waiters, WAIT_KEY(WAIT_JID, 8));
    assert_false(test_call_wait(test, 50));
    waiters_punch(services.runtime.waiters, WAIT_KEY(WAIT_JID, 7));
    assert_int_equal(test_call_result(test), OK);
    assert_string_equal(trace.steps, "wd");
}

static void without_a_ticket_there_is_nothing_to_wait_for(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, on_db}, {ON_WAIT, NULL}, {ON_DB, on_db}}};
    struct trace trace = {.gate = GATE};
    assert_int_equal(run_op(&op, &trace), OK);
    assert_string_equal(trace.steps, "dd");
}

static void a_call_that_fails_gives_its_ticket_back(void **state)
{
    (void)state;
    static const struct op op = {"test", {{ON_DB, wait_for_key}, {ON_DB, last}, {ON_WAIT, NULL}}};
    for (int i = 0; i < WAITERS + 10; i++) { /* or they would run out */
        struct trace trace = {.last = ERR_CONFLICT, .gate = GATE};
        assert_int_equal(run_op(&op, &trace), ERR_CONFLICT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(steps_run_in_order_each_on_its_lane),
        CALL_TEST(an_error_is_the_last_step),
        CALL_TEST(done_is_the_last_step),
        CALL_TEST(what_is_committed_stays_a_success),
        CALL_TEST(a_call_may_end_where_it_began),
        CALL_TEST(a_full_lane_refuses_on_the_callers_thread),
        CALL_TEST(what_was_admitted_comes_through),
        CALL_TEST(who_waited_too_long_is_told_so),
        CALL_TEST(what_must_be_finished_is_run_however_late),
        CALL_TEST(a_stopped_lane_answers_too),
        CALL_TEST(a_call_sleeps_until_it_is_woken),
        CALL_TEST(without_a_ticket_there_is_nothing_to_wait_for),
        CALL_TEST(a_call_that_fails_gives_its_ticket_back),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
