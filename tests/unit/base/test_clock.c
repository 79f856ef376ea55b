/* Clocks and backoff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <time.h>

#include "component/base/clock.h"

static void time_moves_as_it_should(void **state)
{
    (void)state;
    int64_t us = clock_us(), ms = clock_ms();
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    nanosleep(&pause, NULL);
    assert_in_range(clock_us() - us, 20000, 10000000);
    assert_in_range(clock_ms() - ms, 19, 10000);
    /* The same origin, another unit. */
    int64_t before = clock_us() / 1000, now = clock_ms(), after = clock_us() / 1000;
    assert_true(before <= now && now <= after);
}

static void unix_time_is_of_this_century(void **state)
{
    (void)state;
    time_t before = time(NULL);
    int64_t now = clock_unix();
    assert_true(before <= now && now <= time(NULL));
}

static void left_is_clamped(void **state)
{
    (void)state;
    int64_t now = clock_ms();
    assert_int_equal(clock_left(now - 1, 1000), 0);
    assert_int_equal(clock_left(INT64_MIN, 1000), 0);
    assert_int_equal(clock_left(INT64_MAX, 1000), 1000);
    assert_int_equal(clock_left(INT64_MAX, INT_MAX), INT_MAX);
    assert_in_range(clock_left(now + 100000, 200000), 90000, 100000);
    assert_int_equal(clock_left(now + 100000, 50), 50);
}

static void backoff_stays_in_its_range(void **state)
{
    (void)state;
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        int64_t ceiling = attempt < 6 ? 100 << attempt : 5000;
        ceiling = ceiling < 5000 ? ceiling : 5000;
        for (int i = 0; i < 50; i++) {
            int64_t wait = backoff_ms(attempt, 100, 5000);
            assert_in_range(wait, 50, ceiling);
        }
    }
}

static void backoff_uses_the_whole_range(void **state)
{
    (void)state;
    bool seen[16] = {false};
    for (int i = 0; i < 2000; i++)
        seen[backoff_ms(3, 1, 15)] = true; /* 0 to 8 */
    for (int i = 0; i <= 8; i++)
        assert_true(seen[i]);
    for (int i = 9; i < 16; i++)
        assert_false(seen[i]);
}

static void backoff_of_extremes(void **state)
{
    (void)state;
    assert_int_equal(backoff_ms(0, 1, 1) & ~INT64_C(1), 0);
    assert_int_equal(backoff_ms(5, 1000, 100), 100); /* a cap below half of the base */
    const int64_t years = INT64_C(1) << 40;
    assert_true(backoff_ms(UINT_MAX, years, INT64_MAX) >= years / 2); /* no overflow on the way to the cap */
    assert_int_equal(backoff_ms(3, 0, 0), 0);
    assert_int_equal(backoff_ms(UINT_MAX, 0, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_moves_as_it_should),
        cmocka_unit_test(unix_time_is_of_this_century),
        cmocka_unit_test(left_is_clamped),
        cmocka_unit_test(backoff_stays_in_its_range),
        cmocka_unit_test(backoff_uses_the_whole_range),
        cmocka_unit_test(backoff_of_extremes),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
