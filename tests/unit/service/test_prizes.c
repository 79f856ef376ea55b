/* What a shake wins (component/service/prizes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/arena.h"
#include "component/service/prizes.h"

static const struct prizes three = {{{50, 2000}, {100, 500}, {500, 50}}, 3};

static void each_prize_has_its_chances(void **state)
{
    (void)state;
    unsigned won_50 = 0, won_100 = 0, won_500 = 0, nothing = 0;
    for (uint32_t drawn = 0; drawn < PRIZE_CHANCES; drawn++) {
        const int64_t fen = prizes_won(&three, drawn);
        won_50 += fen == 50;
        won_100 += fen == 100;
        won_500 += fen == 500;
        nothing += fen == 0;
    }
    assert_int_equal(won_50, 2000);
    assert_int_equal(won_100, 500);
    assert_int_equal(won_500, 50);
    assert_int_equal(nothing, PRIZE_CHANCES - 2550);
}

static void without_prizes_nothing_is_won(void **state)
{
    (void)state;
    const struct prizes none = {.count = 0}, never = {{{100, 0}}, 1}, always = {{{7, PRIZE_CHANCES}}, 1};
    for (uint32_t drawn = 0; drawn < PRIZE_CHANCES; drawn++) {
        assert_int_equal(prizes_won(&none, drawn), 0);
        assert_int_equal(prizes_won(&never, drawn), 0);
        assert_int_equal(prizes_won(&always, drawn), 7);
    }
}

static void money_has_two_decimals(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_string_equal(money_show(arena, 0), "0.00");
    assert_string_equal(money_show(arena, 5), "0.05");
    assert_string_equal(money_show(arena, 50), "0.50");
    assert_string_equal(money_show(arena, 100), "1.00");
    assert_string_equal(money_show(arena, 123456789), "1234567.89");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_prize_has_its_chances),
        cmocka_unit_test(without_prizes_nothing_is_won),
        cmocka_unit_test(money_has_two_decimals),
    };
    return cmocka_run_group_tests_name("prizes", tests, NULL, NULL);
}
