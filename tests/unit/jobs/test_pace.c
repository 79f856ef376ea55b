/* How fast accounts are compared (component/jobs/pace.h). */
#include "component/jobs/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, DAY_MS = 86400000 };

static const struct reconcile_settings usual = {.per_second = 5, .per_second_most = 50, .interval_ms = DAY_MS};

static struct round_state round_of(int64_t size, int64_t taken, int64_t age_ms)
{
    return (struct round_state){.round = 1, .size = size, .taken = taken, .age_ms = age_ms, .idle_ms = SECOND_MS};
}

static void the_configured_rate_is_held(void **state)
{
    (void)state;
    const struct round_state round = round_of(1000, 0, 0);
    const struct pace pace = pace_of(&usual, &round, false);
    assert_int_equal(pace.per_second, 5);
    assert_int_equal(pace.now, 5);
    assert_int_equal(pace.needed, 1);
}

static void shorter_and_longer_pauses_are_worth_less_and_more(void **state)
{
    (void)state;
    struct round_state round = round_of(1000, 0, 0);
    static const int64_t idle_ms[] = {0, 199, 200, 999, 1999, 2000, 3000, DAY_MS};
    static const int64_t now[] = {0, 0, 1, 4, 9, 10, 10, 10}; /* what was missed is not made up for */
    for (size_t i = 0; i < sizeof now / sizeof now[0]; i++) {
        round.idle_ms = idle_ms[i];
        assert_int_equal(pace_of(&usual, &round, false).now, now[i]);
    }
}

static void what_waits_in_the_outbox_was_begun(void **state)
{
    (void)state;
    struct round_state round = round_of(1000, 0, 0);
    static const int64_t waiting[] = {0, 5, 6, 9, 10, 11, 1000000};
    static const int64_t now[] = {5, 5, 4, 1, 0, 0, 0};
    for (size_t i = 0; i < sizeof now / sizeof now[0]; i++) {
        round.waiting = waiting[i];
        assert_int_equal(pace_of(&usual, &round, false).now, now[i]);
    }
}

static void it_is_raised_when_the_round_would_take_too_long(void **state)
{
    (void)state;
    struct round_state round = round_of(20 * 86400, 0, 0);
    assert_int_equal(pace_of(&usual, &round, false).needed, 20);
    assert_int_equal(pace_of(&usual, &round, false).per_second, 20);
    round = round_of(20 * 86400, 10 * 86400, DAY_MS / 2); /* it was */
    assert_int_equal(pace_of(&usual, &round, false).per_second, 20);
    round = round_of(20 * 86400, 20 * 86400 - 1, DAY_MS / 2);
    assert_int_equal(pace_of(&usual, &round, false).per_second, 5);
}

static void but_not_without_end(void **state)
{
    (void)state;
    const struct round_state round = round_of(1000 * 86400LL, 0, 0);
    const struct pace pace = pace_of(&usual, &round, false);
    assert_int_equal(pace.needed, 1000);
    assert_int_equal(pace.per_second, 50);
}

static void a_round_whose_time_is_over_is_hurried(void **state)
{
    (void)state;
    for (int64_t age_ms = DAY_MS - 1; age_ms <= 3LL * DAY_MS; age_ms += DAY_MS) {
        const struct round_state round = round_of(1000, 970, age_ms);
        assert_int_equal(pace_of(&usual, &round, false).per_second, 30);
    }
}

/* As when accounts were added since it began. */
static void more_turns_than_accounts_need_nothing(void **state)
{
    (void)state;
    const struct round_state round = round_of(10, 30, 0);
    assert_int_equal(pace_of(&usual, &round, false).needed, 0);
    assert_int_equal(pace_of(&usual, &round, false).per_second, 5);
}

static void in_a_hurry_it_is_all_there_is(void **state)
{
    (void)state;
    const struct round_state round = round_of(1000, 0, 0);
    assert_int_equal(pace_of(&usual, &round, true).per_second, 50);
    assert_int_equal(pace_of(&usual, &round, true).now, 50);
}

static void what_is_configured_stands_above_what_may_be(void **state)
{
    (void)state;
    struct reconcile_settings settings = usual;
    settings.per_second = 100;
    const struct round_state round = round_of(1000 * 86400LL, 0, 0);
    assert_int_equal(pace_of(&settings, &round, false).per_second, 100);
    assert_int_equal(pace_of(&settings, &round, true).per_second, 100);
}

static void none_is_none(void **state)
{
    (void)state;
    struct reconcile_settings settings = usual;
    settings.per_second = 0;
    const struct round_state round = round_of(1000, 0, 2LL * DAY_MS);
    assert_int_equal(pace_of(&settings, &round, false).now, 0);
    assert_int_equal(pace_of(&settings, &round, true).now, 0);
    assert_int_equal(pace_of(&settings, &round, false).needed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configured_rate_is_held),
        cmocka_unit_test(shorter_and_longer_pauses_are_worth_less_and_more),
        cmocka_unit_test(what_waits_in_the_outbox_was_begun),
        cmocka_unit_test(it_is_raised_when_the_round_would_take_too_long),
        cmocka_unit_test(but_not_without_end),
        cmocka_unit_test(a_round_whose_time_is_over_is_hurried),
        cmocka_unit_test(more_turns_than_accounts_need_nothing),
        cmocka_unit_test(in_a_hurry_it_is_all_there_is),
        cmocka_unit_test(what_is_configured_stands_above_what_may_be),
        cmocka_unit_test(none_is_none),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
