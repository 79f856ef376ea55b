/* The text of points.prizes (component/config_prizes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/config_prizes.h"

static void prizes_are_read(void **state)
{
    (void)state;
    struct prizes prizes;
    assert_int_equal(prizes_parse("0.50:2000,1:500,1234.05:0", &prizes), OK);
    assert_int_equal(prizes.count, 3);
    assert_int_equal(prizes.list[0].fen, 50);
    assert_int_equal(prizes.list[0].chances, 2000);
    assert_int_equal(prizes.list[1].fen, 100);
    assert_int_equal(prizes.list[1].chances, 500);
    assert_int_equal(prizes.list[2].fen, 123405);
    assert_int_equal(prizes.list[2].chances, 0);
}

static void there_may_be_none(void **state)
{
    (void)state;
    struct prizes prizes;
    assert_int_equal(prizes_parse("", &prizes), OK);
    assert_int_equal(prizes.count, 0);
}

static void at_most_all_chances(void **state)
{
    (void)state;
    struct prizes prizes;
    assert_int_equal(prizes_parse("1:10000", &prizes), OK);
    assert_int_equal(prizes_parse("1:5000,2:5000", &prizes), OK);
    assert_int_equal(prizes_parse("1:5000,2:5001", &prizes), ERR_INVALID);
    assert_int_equal(prizes_parse("1:10001", &prizes), ERR_INVALID);
}

static void at_most_sixteen(void **state)
{
    (void)state;
    struct prizes prizes;
    assert_int_equal(prizes_parse("1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1", &prizes), OK);
    assert_int_equal(prizes.count, PRIZES_MAX);
    assert_int_equal(prizes_parse("1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1", &prizes),
                     ERR_INVALID);
}

static void what_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ",",
        "1",
        "1:",
        ":1",
        "1:1,",
        "1:1,,1:1",
        "0:1",
        "0.00:1",
        "1.5:1",
        "1.505:1",
        ".50:1",
        "1.:1",
        "-1:1",
        "1:-1",
        "a:1",
        "1:a",
        "1:1:1",
        "1 :1",
        "1: 1",
        "1,50:1",
        "1000001:1",
        "1.-1:1",
        "1..:1",
        "1.5.:1",
        "0x1:1",
        "1:1.0",
        "99999999999999999999:1",
        "1:99999999999999999999",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct prizes prizes;
        if (prizes_parse(texts[i], &prizes) != ERR_INVALID)
            fail_msg("%s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prizes_are_read), cmocka_unit_test(there_may_be_none), cmocka_unit_test(at_most_all_chances),
        cmocka_unit_test(at_most_sixteen), cmocka_unit_test(what_is_malformed),
    };
    return cmocka_run_group_tests_name("config_prizes", tests, NULL, NULL);
}
