/* The texts of [roster] groups_* (component/config_groups.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/config_groups.h"
#include "tests/unit/arena.h"

#define SIXTY_THREE "123456789012345678901234567890123456789012345678901234567890123"

static struct roster_groups groups;

static void names_are_taken_without_the_spaces_around_them(void **state)
{
    (void)state;
    assert_int_equal(groups_parse(arena, " Family,Living room , 客厅", &groups), OK);
    assert_int_equal(groups.count, 3);
    assert_string_equal(groups.names[0], "Family");
    assert_string_equal(groups.names[1], "Living room");
    assert_string_equal(groups.names[2], "客厅");
}

static void there_may_be_none(void **state)
{
    (void)state;
    assert_int_equal(groups_parse(arena, "", &groups), OK);
    assert_int_equal(groups.count, 0);
    assert_int_equal(groups_parse(arena, "  ", &groups), OK);
    assert_int_equal(groups.count, 0);
}

static void at_most_eight(void **state)
{
    (void)state;
    assert_int_equal(groups_parse(arena, "1,2,3,4,5,6,7,8", &groups), OK);
    assert_int_equal(groups.count, ROSTER_GROUPS_MAX);
    assert_int_equal(groups_parse(arena, "1,2,3,4,5,6,7,8,9", &groups), ERR_INVALID);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ",", "a,", ",a", "a,,b", "a, ,b", "a,b, a ", "a\tb", "a\x01", "\xff", "a\x1f", "a;b", "a," SIXTY_THREE "45",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (groups_parse(arena, texts[i], &groups) != ERR_INVALID)
            fail_msg("taken: %s", texts[i]);
    assert_int_equal(groups_parse(arena, "a," SIXTY_THREE "é", &groups), OK); /* characters, not bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_without_the_spaces_around_them),
        cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(at_most_eight),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests_name("config_groups", tests, arena_set_up, arena_tear_down);
}
