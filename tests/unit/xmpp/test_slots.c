/* Slots are given in order, within deadlines, and never more than there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "component/base/clock.h"
#include "component/base/lane.h"
#include "xmpp/slots.h"

struct taker {
    struct slots *slots;
    unsigned wanted;
    int64_t deadline_ms;
    unsigned taken;
    enum err result;
    unsigned place; /* in the order of being served */
    atomic_uint *served;
    atomic_bool done;
    pthread_t thread;
};

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

static void *take(void *arg)
{
    struct taker *taker = arg;
    taker->result = slots_take(taker->slots, taker->wanted, taker->deadline_ms, &taker->taken);
    taker->place = atomic_fetch_add(taker->served, 1);
    atomic_store(&taker->done, true);
    return NULL;
}

/* Starts it and waits until it surely waits in line (or is served). */
static void start(struct taker *taker, struct slots *slots, unsigned wanted, int64_t timeout_ms, atomic_uint *served)
{
    taker->slots = slots;
    taker->wanted = wanted;
    taker->deadline_ms = clock_ms() + timeout_ms;
    taker->served = served;
    atomic_init(&taker->done, false);
    assert_int_equal(thread_start("taker", 0, take, taker, &taker->thread), OK);
    pause_ms(30);
}

static void takes_at_most_all(void **state)
{
    (void)state;
    struct slots *slots = slots_new(4);
    unsigned taken = 0;
    assert_int_equal(slots_take(slots, 3, clock_ms(), &taken), OK);
    assert_int_equal(taken, 3);
    unsigned more = 9;
    assert_int_equal(slots_take(slots, 2, clock_ms() + 20, &more), ERR_TIMEOUT);
    assert_int_equal(more, 0);
    slots_give(slots, taken);
    assert_int_equal(slots_take(slots, 100, clock_ms() + 20, &taken), OK);
    assert_int_equal(taken, 4);
    slots_give(slots, taken);
    slots_free(&slots);
    assert_null(slots);
}

static void busy_is_who_has_given_half_to_others(void **state)
{
    (void)state;
    struct slots *slots = slots_new(4);
    unsigned own = 0, others = 0, more = 0;
    assert_int_equal(slots_take(slots, 2, clock_ms(), &own), OK);
    assert_false(slots_are_busy(slots, own));
    assert_int_equal(slots_take(slots, 1, clock_ms(), &others), OK);
    assert_false(slots_are_busy(slots, own));
    assert_int_equal(slots_take(slots, 1, clock_ms(), &more), OK);
    assert_true(slots_are_busy(slots, own));
    slots_give(slots, own);
    assert_true(slots_are_busy(slots, 0));
    slots_give(slots, others + more);
    assert_false(slots_are_busy(slots, 0));
    slots_free(&slots);
}

static void who_needs_many_is_not_overtaken(void **state)
{
    (void)state;
    struct slots *slots = slots_new(2);
    atomic_uint served;
    atomic_init(&served, 0);
    unsigned taken = 0;
    static struct taker two, one;
    assert_int_equal(slots_take(slots, 1, clock_ms(), &taken), OK);
    start(&two, slots, 2, 5000, &served);
    start(&one, slots, 1, 5000, &served); /* one is free, but it was not here first */
    assert_false(atomic_load(&one.done));
    slots_give(slots, taken);
    pthread_join(two.thread, NULL);
    assert_int_equal(two.result, OK);
    assert_int_equal(two.place, 0);
    slots_give(slots, two.taken);
    pthread_join(one.thread, NULL);
    assert_int_equal(one.result, OK);
    slots_give(slots, one.taken);
    slots_free(&slots);
}

static void who_gives_up_lets_the_next_pass(void **state)
{
    (void)state;
    struct slots *slots = slots_new(2);
    atomic_uint served;
    atomic_init(&served, 0);
    unsigned taken = 0;
    static struct taker two, one;
    assert_int_equal(slots_take(slots, 1, clock_ms(), &taken), OK);
    start(&two, slots, 2, 100, &served);
    start(&one, slots, 1, 5000, &served);
    pthread_join(two.thread, NULL);
    assert_int_equal(two.result, ERR_TIMEOUT);
    pthread_join(one.thread, NULL);
    assert_int_equal(one.result, OK);
    slots_give(slots, taken + one.taken);
    assert_int_equal(slots_take(slots, 2, clock_ms(), &taken), OK); /* none was lost */
    assert_int_equal(taken, 2);
    slots_free(&slots);
}

static void closing_wakes_and_refuses(void **state)
{
    (void)state;
    struct slots *slots = slots_new(1);
    atomic_uint served;
    atomic_init(&served, 0);
    unsigned taken = 0;
    static struct taker first, second;
    assert_int_equal(slots_take(slots, 1, clock_ms(), &taken), OK);
    start(&first, slots, 1, 5000, &served);
    start(&second, slots, 1, 5000, &served);
    slots_close(slots);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    assert_int_equal(first.result, ERR_SHUTDOWN);
    assert_int_equal(second.result, ERR_SHUTDOWN);
    slots_give(slots, taken);
    assert_int_equal(slots_take(slots, 1, clock_ms() + 5000, &taken), ERR_SHUTDOWN);
    slots_free(&slots);
}

enum { CROWD = 8, LIMIT = 3, ROUNDS = 300 };

struct crowd {
    struct slots *slots;
    atomic_uint out;
    atomic_uint most;
    atomic_uint failures;
};

static void *take_often(void *arg)
{
    struct crowd *crowd = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned taken = 0;
        if (slots_take(crowd->slots, 1 + round % 2, clock_ms() + 10000, &taken) != OK) {
            atomic_fetch_add(&crowd->failures, 1);
            continue;
        }
        unsigned out = atomic_fetch_add(&crowd->out, taken) + taken;
        unsigned most = atomic_load(&crowd->most);
        while (out > most && !atomic_compare_exchange_weak(&crowd->most, &most, out))
            ;
        atomic_fetch_sub(&crowd->out, taken);
        slots_give(crowd->slots, taken);
    }
    return NULL;
}

static void never_more_than_there_are(void **state)
{
    (void)state;
    static struct crowd crowd;
    crowd.slots = slots_new(LIMIT);
    pthread_t threads[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(thread_start("crowd", 0, take_often, &crowd, &threads[i]), OK);
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.failures), 0);
    assert_in_range(atomic_load(&crowd.most), 1, LIMIT);
    slots_free(&crowd.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_is_who_has_given_half_to_others),
        cmocka_unit_test(takes_at_most_all),
        cmocka_unit_test(who_needs_many_is_not_overtaken),
        cmocka_unit_test(who_gives_up_lets_the_next_pass),
        cmocka_unit_test(closing_wakes_and_refuses),
        cmocka_unit_test(never_more_than_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
