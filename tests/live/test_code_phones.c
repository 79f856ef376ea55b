/* The codes of one phone, on a real Redis: who enters them, and what makes them void. */
#include "tests/live/live_codes.h"

/* --- a stranger who enters codes that somebody else asked for */

static enum err look_from(const char *slot, const char *source, const char *code)
{
    struct code_claim claim = {.slot = slot, .phone = names[3], .code = code, .source = source};
    return codes_look(redis, ring, &claim);
}

static void strangers_do_not_take_a_code_away(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.source = "192.0.2.1";
    assert_int_equal(put(&ask), OK);
    assert_int_equal(look_from(ask.slot, "192.0.2.2", "271828"), OK); /* who has moved meanwhile */
    for (int i = 0; i < 100; i++) {
        char stranger[32];
        snprintf(stranger, sizeof stranger, "198.51.100.%d", i);
        assert_int_equal(look_from(ask.slot, stranger, "000000"), ERR_NOT_FOUND);
    }
    assert_int_equal(look_from(ask.slot, "192.0.2.2", "271828"), ERR_NOT_FOUND); /* two were evaluated */
    assert_int_equal(look_from(ask.slot, "", "271828"), ERR_NOT_FOUND);
    for (int i = 0; i < 2; i++)
        assert_int_equal(look_from(ask.slot, "192.0.2.1", "000000"), ERR_NOT_FOUND);
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "271828"), OK);
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "000000"), ERR_NOT_FOUND); /* the fifth of all */
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "271828"), ERR_NOT_FOUND);
}

static void who_asked_has_all_tries(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.source = "192.0.2.1";
    assert_int_equal(put(&ask), OK);
    for (int i = 0; i < TRIES - 1; i++)
        assert_int_equal(look_from(ask.slot, "192.0.2.1", "000000"), ERR_NOT_FOUND);
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "271828"), OK);
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "000000"), ERR_NOT_FOUND);
    assert_int_equal(look_from(ask.slot, "192.0.2.1", "271828"), ERR_NOT_FOUND);
}

static void with_few_tries_strangers_have_fewer(void **state)
{
    (void)state;
    static const int others[] = {0, 0, 0, 1, 1, 2, 2, 3};
    for (int tries = 1; tries < 8; tries++) {
        struct code_ask ask = new_ask("271828");
        ask.source = "192.0.2.1";
        ask.tries = tries;
        assert_int_equal(put(&ask), OK);
        for (int i = 0; i < others[tries]; i++) {
            assert_int_equal(look_from(ask.slot, "192.0.2.2", "271828"), OK);
            assert_int_equal(look_from(ask.slot, "192.0.2.2", "000000"), ERR_NOT_FOUND);
        }
        assert_int_equal(look_from(ask.slot, "192.0.2.2", "271828"), ERR_NOT_FOUND);
        assert_int_equal(look_from(ask.slot, "192.0.2.1", "271828"), OK);
    }
}

/* --- all codes of a phone */

/* Two codes of one phone, the second for something else. */
static struct code_ask two_codes(char second_slot[17], struct code_ask *second)
{
    const struct code_ask first = new_ask("271828");
    *second = first;
    second->slot = new_name(second_slot);
    second->window = NULL;
    second->code = "314159";
    assert_int_equal(put(&first), OK);
    assert_int_equal(put(second), OK);
    return first;
}

static void spending_one_makes_the_others_void(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    struct code_claim claim;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(look(slot, "314159"), ERR_NOT_FOUND);
    assert_int_equal(put(&second), OK); /* a later one is good, and so is one after that */
    assert_int_equal(look(slot, "314159"), OK);
    assert_int_equal(claim_of(slot, "314159", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(put(&first), OK);
    assert_int_equal(look(first.slot, "271828"), OK);
}

static void a_verified_one_is_void_as_well(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    struct code_claim claim;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(claim_of(slot, "314159", &claim), OK);
    assert_int_equal(settle(&claim, CODE_VERIFIED), OK);
    assert_int_equal(look(slot, NULL), OK);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(look(slot, NULL), ERR_NOT_FOUND);
    assert_int_equal(claim_of(slot, NULL, &claim), ERR_NOT_FOUND);
}

/* 000's verifyMes knows the handle alone. */
static void a_void_one_cannot_be_verified(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    const struct code_ask first = two_codes(slot, &second);
    struct code_claim spent, claim = {.slot = slot, .code = "314159", .source = ""};
    assert_int_equal(claim_of(first.slot, "271828", &spent), OK);
    assert_int_equal(codes_claim(redis, ring, &claim), OK);
    assert_int_equal(settle(&spent, CODE_SPENT), OK);
    assert_int_equal(settle(&claim, CODE_VERIFIED), ERR_NOT_FOUND);
    assert_int_equal(codes_claim(redis, ring, &claim), ERR_NOT_FOUND);
    assert_int_equal(look(slot, NULL), ERR_NOT_FOUND);
}

static void what_is_given_back_or_only_entered_leaves_the_others(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    struct code_claim claim;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_RELEASED), OK);
    assert_int_equal(look(slot, "314159"), OK);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_ENTERED), OK);
    assert_int_equal(look(first.slot, "271828"), ERR_NOT_FOUND);
    assert_int_equal(look(slot, "314159"), OK);
    assert_int_equal(spent_of_budget(&first), 1);
}

static void of_a_phone_one_is_claimed_at_a_time(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    struct code_claim claim, other;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    for (int i = 0; i < 3 * TRIES; i++) /* which costs it no try */
        assert_int_equal(claim_of(slot, "314159", &other), ERR_NOT_FOUND);
    assert_int_equal(look(slot, "314159"), ERR_NOT_FOUND);
    assert_int_equal(settle(&claim, CODE_RELEASED), OK);
    assert_int_equal(claim_of(slot, "314159", &other), OK);
    assert_int_equal(claim_of(first.slot, "271828", &claim), ERR_NOT_FOUND);
    assert_int_equal(settle(&other, CODE_SPENT), OK);
    assert_int_equal(claim_of(first.slot, "271828", &claim), ERR_NOT_FOUND);
}

static void done_otherwise_all_are_void(void **state)
{
    (void)state;
    char slot[17], phone[17];
    struct code_ask second;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(codes_void(redis, ring, new_name(phone)), OK); /* another's */
    assert_int_equal(look(slot, "314159"), OK);
    assert_int_equal(codes_void(redis, ring, names[3]), OK);
    assert_int_equal(look(slot, "314159"), ERR_NOT_FOUND);
    assert_int_equal(look(first.slot, "271828"), ERR_NOT_FOUND);
}

static void a_void_code_does_not_stand_in_its_window(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    int64_t left_ms = 0;
    ask.window_ms = WINDOW_MS;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), ERR_CONFLICT);
    assert_int_equal(codes_void(redis, ring, ask.phone), OK);
    assert_int_equal(codes_window(redis, ring, &ask, &left_ms), ERR_LIMITED);
    assert_int_equal(put(&ask), ERR_CONFLICT); /* nothing is sent twice all the same */
}

/* A claim that has run out was of an operation that is over: it is done all the same. */
static void spending_late_makes_the_others_void(void **state)
{
    (void)state;
    char slot[17];
    struct code_ask second;
    struct code_claim claim;
    const struct code_ask first = two_codes(slot, &second);
    assert_int_equal(claim_of(first.slot, "271828", &claim), OK);
    assert_int_equal(codes_withdraw(redis, ring, &first), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), ERR_NOT_FOUND);
    assert_int_equal(look(slot, "314159"), ERR_NOT_FOUND);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_do_not_take_a_code_away),
        cmocka_unit_test(who_asked_has_all_tries),
        cmocka_unit_test(with_few_tries_strangers_have_fewer),
        cmocka_unit_test(spending_one_makes_the_others_void),
        cmocka_unit_test(a_verified_one_is_void_as_well),
        cmocka_unit_test(a_void_one_cannot_be_verified),
        cmocka_unit_test(what_is_given_back_or_only_entered_leaves_the_others),
        cmocka_unit_test(of_a_phone_one_is_claimed_at_a_time),
        cmocka_unit_test(done_otherwise_all_are_void),
        cmocka_unit_test(a_void_code_does_not_stand_in_its_window),
        cmocka_unit_test(spending_late_makes_the_others_void),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
