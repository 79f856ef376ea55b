/* Phone codes on a real Redis: tries, claims, the resend window, whoever asks and how many at once. */
#include "tests/live/live_codes.h"

/* --- checking */

static void a_code_is_spent_once(void **state)
{
    (void)state;
    const struct code_ask ask = new_ask("271828");
    struct code_claim claim, second;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    assert_string_equal(claim.note, "register:0123");
    assert_int_equal(claim_of(ask.slot, "271828", &second), ERR_NOT_FOUND); /* claimed */
    assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(claim_of(ask.slot, "271828", &second), ERR_NOT_FOUND);
    assert_int_equal(settle(&claim, CODE_SPENT), ERR_NOT_FOUND);
}

static void failing_later_costs_nothing(void **state)
{
    (void)state;
    const struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    assert_int_equal(put(&ask), OK);
    for (int i = 0; i < 3 * TRIES; i++) {
        assert_int_equal(look(ask.slot, "271828"), OK);
        assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
        assert_int_equal(settle(&claim, CODE_RELEASED), OK);
    }
    assert_int_equal(spent_of_budget(&ask), 1); /* not entered yet */
    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(spent_of_budget(&ask), 0);
}

static void five_wrong_tries_and_no_more(void **state)
{
    (void)state;
    static const char *const wrong[] = {"271829", "", "2718281", "\n", "271828\n"};
    struct code_ask ask = new_ask("271828");
    assert_int_equal(put(&ask), OK);
    for (int i = 0; i < TRIES - 1; i++)
        assert_int_equal(look(ask.slot, wrong[i]), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "271828"), OK); /* the last but one left it */
    assert_int_equal(look(ask.slot, wrong[TRIES - 1]), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND);
    ask = new_ask("3141");
    ask.tries = 1;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look(ask.slot, "3142"), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "3141"), ERR_NOT_FOUND);
}

static void a_code_is_bound_to_its_slot(void **state)
{
    (void)state;
    char other[17], phone[17];
    const struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look(new_name(other), "271828"), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "271828"), OK);
    struct code_ask second = ask;
    second.slot = other;
    second.phone = new_name(phone);
    second.code = "314159";
    assert_int_equal(put(&second), OK);
    assert_int_equal(look(other, "271828"), ERR_NOT_FOUND);
    claim = (struct code_claim){.slot = other, .phone = phone, .code = "314159", .source = ""};
    assert_int_equal(codes_claim(redis, ring, &claim), OK);
    claim.slot = ask.slot; /* a claim says nothing about another slot */
    assert_int_equal(settle(&claim, CODE_SPENT), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "271828"), OK);
}

static void verified_ahead_it_needs_no_code(void **state)
{
    (void)state;
    const struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look(ask.slot, NULL), ERR_NOT_FOUND); /* not verified yet; costs no try */
    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_VERIFIED), OK);
    assert_int_equal(spent_of_budget(&ask), 0);
    assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND); /* used */
    for (int i = 0; i < 3 * TRIES; i++)
        assert_int_equal(look(ask.slot, "000000"), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, NULL), OK);
    assert_int_equal(claim_of(ask.slot, NULL, &claim), OK);
    assert_int_equal(settle(&claim, CODE_RELEASED), OK);
    assert_int_equal(claim_of(ask.slot, NULL, &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(look(ask.slot, NULL), ERR_NOT_FOUND);
    assert_int_equal(spent_of_budget(&ask), 0); /* counted once */
}

static void codes_run_out(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    ask.lifetime_ms = 500;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    usleep(550 * 1000);
    assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND);
    assert_int_equal(settle(&claim, CODE_VERIFIED), ERR_NOT_FOUND); /* it does not come to life again */
    assert_int_equal(look(ask.slot, NULL), ERR_NOT_FOUND);
}

/* --- asking */

static void a_new_code_takes_the_place_of_the_old(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look(ask.slot, "000000"), ERR_NOT_FOUND);
    ask.code = "314159";
    assert_int_equal(put(&ask), OK);
    for (int i = 0; i < TRIES - 1; i++) /* with all its tries */
        assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND);
    assert_int_equal(look(ask.slot, "314159"), OK);
}

static void within_the_window_the_first_code_stands(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    int64_t left_ms = 0;
    ask.window_ms = WINDOW_MS;
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), OK);
    assert_int_equal(put(&ask), OK);
    ask.code = "314159";
    assert_int_equal(put(&ask), ERR_CONFLICT);
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), ERR_CONFLICT);
    assert_in_range(left_ms, WINDOW_MS - 5000, WINDOW_MS);
    assert_int_equal(look(ask.slot, "271828"), OK);
    assert_int_equal(spent_of_budget(&ask), 1);

    struct code_ask elsewhere = ask; /* another client's handle, or one of ours: a slot of its own in the same window */
    char slot[17];
    elsewhere.slot = new_name(slot);
    assert_int_equal(put(&elsewhere), ERR_CONFLICT);
    assert_int_equal(codes_window(redis, ring, &elsewhere, &left_ms), ERR_LIMITED);
    assert_int_equal(look(slot, "314159"), ERR_NOT_FOUND);

    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(put(&ask), ERR_CONFLICT); /* spent, but nothing is sent twice */
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), ERR_LIMITED);
}

static void a_window_ends(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    int64_t left_ms = 0;
    ask.window_ms = 500;
    assert_int_equal(put(&ask), OK);
    usleep(550 * 1000);
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), OK);
    ask.code = "314159";
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look(ask.slot, "314159"), OK);
}

static void withdrawn_it_was_never_asked_for(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828"), late = {0};
    ask.window_ms = WINDOW_MS;
    int64_t left_ms = 0;
    assert_int_equal(put(&ask), OK);
    late = ask;
    late.code = "314159"; /* a code that another has replaced takes nothing away */
    assert_int_equal(codes_withdraw(redis, ring, &late), OK);
    assert_int_equal(look(ask.slot, "271828"), OK);
    assert_int_equal(codes_withdraw(redis, ring, &ask), OK);
    assert_int_equal(look(ask.slot, "271828"), ERR_NOT_FOUND);
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), OK);
    assert_int_equal(spent_of_budget(&ask), 0);
    assert_int_equal(codes_withdraw(redis, ring, &ask), OK);
    assert_int_equal(spent_of_budget(&ask), 0);
}

/* --- many at once */

static enum err spend_in_crowd(struct redis *own, const void *arg)
{
    const struct code_ask *ask = arg;
    struct code_claim claim = {.slot = ask->slot, .phone = ask->phone, .code = ask->code, .source = ""};
    const enum err err = codes_claim(own, ring, &claim);
    return err == OK ? codes_settle(own, ring, &claim, CODE_SPENT, 0) : err;
}

static void one_of_a_crowd_spends_it(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        const struct code_ask ask = new_ask("271828");
        assert_int_equal(put(&ask), OK);
        struct crowd crowd = {.act = spend_in_crowd, .arg = &ask, .other = ERR_NOT_FOUND, .rounds = 2};
        expect_of_crowd(&crowd, 1); /* a hundred right tries */
        assert_int_equal(spent_of_budget(&ask), 0);
    }
}

static enum err verify_in_crowd(struct redis *own, const void *arg)
{
    const struct code_ask *ask = arg;
    struct code_claim claim = {.slot = ask->slot, .phone = ask->phone, .code = ask->code, .source = ""};
    const enum err err = codes_claim(own, ring, &claim);
    return err == OK ? codes_settle(own, ring, &claim, CODE_VERIFIED, LIFETIME_MS) : err;
}

static void one_of_a_crowd_verifies_it(void **state)
{
    (void)state;
    const struct code_ask ask = new_ask("271828");
    assert_int_equal(put(&ask), OK);
    struct crowd crowd = {.act = verify_in_crowd, .arg = &ask, .other = ERR_NOT_FOUND, .rounds = 2};
    expect_of_crowd(&crowd, 1);
    assert_int_equal(look(ask.slot, NULL), OK);
}

/* None of them can be right. */
static enum err guess_in_crowd(struct redis *own, const void *arg)
{
    const struct code_ask *ask = arg;
    char guess[7];
    random_text("0123456789", 6, guess);
    struct code_claim claim = {.slot = ask->slot, .phone = ask->phone, .code = guess, .source = ""};
    return codes_look(own, ring, &claim);
}

static void a_crowd_has_five_tries(void **state)
{
    (void)state;
    const struct code_ask ask = new_ask("no digits");
    assert_int_equal(put(&ask), OK);
    struct crowd crowd = {.act = guess_in_crowd, .arg = &ask, .other = ERR_NOT_FOUND, .rounds = 20};
    expect_of_crowd(&crowd, 0);
    assert_int_equal(look(ask.slot, "no digits"), ERR_NOT_FOUND);
}

static enum err put_in_crowd(struct redis *own, const void *arg)
{
    enum code_put what;
    return codes_put(own, ring, arg, &what);
}

static void one_of_a_crowd_gets_the_window(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.window_ms = WINDOW_MS;
    struct crowd crowd = {.act = put_in_crowd, .arg = &ask, .other = ERR_CONFLICT, .rounds = 2};
    expect_of_crowd(&crowd, 1);
    assert_int_equal(spent_of_budget(&ask), 1);
}

/* --- what is left in Redis */

static void codes_and_slots_are_not_in_redis(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.slot = "001\nany\n+8613900000001\nxid";
    ask.window_ms = 1000;
    assert_int_equal(put(&ask), OK);
    redisReply *keys = NULL;
    assert_int_equal(redis_do(redis, &keys, "KEYS " REDIS_PREFIX "*"), OK);
    for (size_t i = 0; i < keys->elements; i++) {
        assert_null(strstr(keys->element[i]->str, "139000"));
        if (strncmp(keys->element[i]->str, REDIS_PREFIX "c:", strlen(REDIS_PREFIX "c:")) != 0)
            continue;
        redisReply *slot = NULL;
        assert_int_equal(redis_do(redis, &slot, "HGETALL %s", keys->element[i]->str), OK);
        for (size_t j = 0; j < slot->elements; j++)
            assert_null(strstr(slot->element[j]->str, "271828"));
        freeReplyObject(slot);
    }
    freeReplyObject(keys);
    assert_int_equal(codes_withdraw(redis, ring, &ask), OK);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_spent_once),
        cmocka_unit_test(failing_later_costs_nothing),
        cmocka_unit_test(five_wrong_tries_and_no_more),
        cmocka_unit_test(a_code_is_bound_to_its_slot),
        cmocka_unit_test(verified_ahead_it_needs_no_code),
        cmocka_unit_test(codes_run_out),
        cmocka_unit_test(a_new_code_takes_the_place_of_the_old),
        cmocka_unit_test(within_the_window_the_first_code_stands),
        cmocka_unit_test(a_window_ends),
        cmocka_unit_test(withdrawn_it_was_never_asked_for),
        cmocka_unit_test(one_of_a_crowd_spends_it),
        cmocka_unit_test(one_of_a_crowd_verifies_it),
        cmocka_unit_test(a_crowd_has_five_tries),
        cmocka_unit_test(one_of_a_crowd_gets_the_window),
        cmocka_unit_test(codes_and_slots_are_not_in_redis),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
