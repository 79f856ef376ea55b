/* The thread of the keeper and the prover (component/jobs/ticker.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "component/base/clock.h"
#include "component/jobs/ticker.h"

enum { SECOND_MS = 1000, SLACK_MS = 500, WAKERS = 4, WAKES = 500 };

static atomic_int ticks, inside, overlaps, tick_ms;

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void tick(void *arg)
{
    overlaps += inside++ > 0;
    sleep_ms(tick_ms);
    inside--;
    ticks++;
    *(int *)arg += 1;
}

static void wait_for_ticks(int count, int64_t most_ms)
{
    const int64_t until_ms = clock_ms() + most_ms;
    while (ticks < count) {
        assert_true(clock_ms() < until_ms);
        sleep_ms(1);
    }
}

static struct ticker *ticker;
static int plain; /* written by the thread alone, read after it ended */

static int set_up(void **state)
{
    (void)state;
    ticks = inside = overlaps = tick_ms = plain = 0;
    return ticker_start("test", tick, &plain, &ticker) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ticker_stop(&ticker);
    return 0;
}

static void it_ticks_at_once_and_each_second(void **state)
{
    (void)state;
    const int64_t before_ms = clock_ms();
    wait_for_ticks(1, SLACK_MS);
    wait_for_ticks(3, 2 * SECOND_MS + SLACK_MS);
    assert_true(clock_ms() - before_ms >= 2 * SECOND_MS - 50);
}

static void a_wake_does_not_wait_for_the_second(void **state)
{
    (void)state;
    wait_for_ticks(1, SLACK_MS);
    for (int i = 2; i < 20; i++) {
        ticker_wake(ticker);
        wait_for_ticks(i, SLACK_MS);
    }
}

static void *wake_often(void *arg)
{
    for (int i = 0; i < WAKES; i++)
        ticker_wake(ticker);
    return arg;
}

static void ticks_do_not_overlap(void **state)
{
    (void)state;
    pthread_t threads[WAKERS];
    tick_ms = 1;
    for (size_t i = 0; i < WAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wake_often, NULL), 0);
    for (size_t i = 0; i < WAKERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(overlaps, 0);
}

/* A wake during a tick is for the next one: what it is about may have been looked at already. */
static void a_wake_during_a_tick_is_not_lost(void **state)
{
    (void)state;
    wait_for_ticks(1, SLACK_MS);
    tick_ms = 100;
    ticker_wake(ticker);
    while (inside == 0)
        sleep_ms(1);
    ticker_wake(ticker);
    wait_for_ticks(3, 200 + SLACK_MS);
}

static void nothing_ticks_after_the_stop(void **state)
{
    (void)state;
    tick_ms = 100;
    ticker_wake(ticker);
    while (inside == 0)
        sleep_ms(1);
    const int64_t before_ms = clock_ms();
    ticker_stop(&ticker);
    assert_null(ticker);
    assert_int_equal(inside, 0);
    assert_true(clock_ms() - before_ms < 100 + SLACK_MS);
    assert_int_equal(plain, ticks);
    ticker_stop(&ticker); /* fine again */
}

#define TICKER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TICKER_TEST(it_ticks_at_once_and_each_second),
        TICKER_TEST(a_wake_does_not_wait_for_the_second),
        TICKER_TEST(ticks_do_not_overlap),
        TICKER_TEST(a_wake_during_a_tick_is_not_lost),
        TICKER_TEST(nothing_ticks_after_the_stop),
    };
    return cmocka_run_group_tests_name("ticker", tests, NULL, NULL);
}
