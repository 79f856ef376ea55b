/* How long accounts rest whose rosters cannot be read (xmpp/unreadable.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "xmpp/unreadable.h"

enum { NOW_MS = 1000000, FIRST = UNREADABLE_FIRST, AGAIN = UNREADABLE_AGAIN };

static struct unreadable *unreadable;

static int set_up(void **state)
{
    (void)state;
    unreadable = unreadable_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unreadable_free(&unreadable);
    return 0;
}

static void it_rests_the_longer_the_longer_it_took(void **state)
{
    (void)state;
    unreadable_note(unreadable, "a", 100, NOW_MS);
    unreadable_note(unreadable, "b", INT64_MAX / 2, NOW_MS);
    assert_true(unreadable_rests(unreadable, "a", FIRST, NOW_MS + 299));
    assert_false(unreadable_rests(unreadable, "a", FIRST, NOW_MS + 300));
    assert_true(unreadable_rests(unreadable, "a", AGAIN, NOW_MS + 1899));
    assert_false(unreadable_rests(unreadable, "a", AGAIN, NOW_MS + 1900));
    assert_true(unreadable_rests(unreadable, "b", FIRST, NOW_MS + UNREADABLE_REST_MAX_MS - 1));
    assert_false(unreadable_rests(unreadable, "b", FIRST, NOW_MS + UNREADABLE_REST_MAX_MS));
    assert_false(unreadable_rests(unreadable, "c", AGAIN, NOW_MS));
    assert_false(unreadable_rests(unreadable, "", AGAIN, NOW_MS));
}

static void until_it_can_be_read(void **state)
{
    (void)state;
    unreadable_note(unreadable, "a", 1000, NOW_MS);
    unreadable_forget(unreadable, "a");
    unreadable_forget(unreadable, "b");
    assert_false(unreadable_rests(unreadable, "a", AGAIN, NOW_MS));
}

static void those_that_took_longest_are_remembered(void **state)
{
    (void)state;
    char local[16];
    for (int i = 0; i <= UNREADABLE_MOST; i++) {
        snprintf(local, sizeof local, "a%d", i);
        unreadable_note(unreadable, local, 100 + i, NOW_MS);
    }
    assert_false(unreadable_rests(unreadable, "a0", AGAIN, NOW_MS));
    for (int i = 1; i <= UNREADABLE_MOST; i++) {
        snprintf(local, sizeof local, "a%d", i);
        assert_true(unreadable_rests(unreadable, local, AGAIN, NOW_MS));
    }
    const int64_t later_ms = NOW_MS + UNREADABLE_REST_MAX_MS; /* all rests are over */
    unreadable_note(unreadable, "late", 1, later_ms);
    assert_true(unreadable_rests(unreadable, "late", AGAIN, later_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_rests_the_longer_the_longer_it_took, set_up, tear_down),
        cmocka_unit_test_setup_teardown(until_it_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_took_longest_are_remembered, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("unreadable", tests, NULL, NULL);
}
