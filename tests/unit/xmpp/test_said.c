/* Trouble is said once, and what was said last is true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xmpp/said.h"

static void a_text_is_said_once(void **state)
{
    (void)state;
    struct said said = {0};
    assert_true(said_first(&said, "connection refused"));
    assert_false(said_first(&said, "connection refused"));
    assert_true(said_first(&said, "not-authorized"));
    assert_false(said_first(&said, "connection refused"));
    said_forget(&said);
    assert_true(said_first(&said, "connection refused"));
}

static void who_invents_texts_is_heard_a_few_times(void **state)
{
    (void)state;
    struct said said = {0};
    char text[2 * SAID_SIZE];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_true(said_first(&said, text));
    text[SAID_SIZE] = 'y'; /* behind what is kept */
    assert_false(said_first(&said, text));
    unsigned times = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "reason %d", i);
        times += said_first(&said, text);
    }
    assert_int_equal(times, SAID_MAX - 1);
}

static void an_outage(void **state)
{
    (void)state;
    struct trouble trouble = {0};
    assert_int_equal(trouble_up(&trouble), TROUBLE_UP);
    assert_int_equal(trouble_lasted(&trouble), TROUBLE_NOTHING);
    assert_int_equal(trouble_down(&trouble, true, "closed"), TROUBLE_DOWN);
    for (int i = 0; i < 100; i++)
        assert_int_equal(trouble_down(&trouble, false, "refused"), i == 0 ? TROUBLE_DOWN : TROUBLE_NOTHING);
    assert_int_equal(trouble.failures, 101);
    assert_int_equal(trouble_up(&trouble), TROUBLE_UP);
    assert_int_equal(trouble_lasted(&trouble), TROUBLE_NOTHING); /* it was said */
    assert_int_equal(trouble.failures, 0);
    assert_int_equal(trouble_down(&trouble, true, "closed"), TROUBLE_DOWN); /* the next one */
}

static void links_that_come_and_go(void **state)
{
    (void)state;
    struct trouble trouble = {0};
    assert_int_equal(trouble_down(&trouble, true, "conflict"), TROUBLE_DOWN);
    assert_int_equal(trouble_up(&trouble), TROUBLE_UP);
    assert_int_equal(trouble_down(&trouble, true, "conflict"), TROUBLE_UNSTEADY);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(trouble_up(&trouble), TROUBLE_NOTHING);
        assert_int_equal(trouble_down(&trouble, true, "conflict"), TROUBLE_NOTHING);
    }
    assert_int_equal(trouble_down(&trouble, false, "refused"), TROUBLE_DOWN);
    assert_int_equal(trouble_up(&trouble), TROUBLE_NOTHING);
    assert_int_equal(trouble_lasted(&trouble), TROUBLE_UP);
    assert_int_equal(trouble_up(&trouble), TROUBLE_UP);
}

static void repeated_lines_grow_rare(void **state)
{
    (void)state;
    struct repeated repeated = {0};
    uint64_t times = 0, said = 0, counted = 0;
    const int64_t day_ms = 24 * 3600 * 1000;
    for (int64_t now = 1; now <= day_ms; now += 100)
        if (repeated_say(&repeated, now, &times)) {
            said++;
            counted += times;
            if (said == 1)
                assert_int_equal(times, 1);
            if (said == 2)
                assert_in_range(now, 10 * 1000, 10 * 1000 + 200);
        }
    assert_in_range(said, 30, 34); /* eight or nine in the first hour, then one each */
    assert_in_range(counted, 23 * 36000, 24 * 36000);
}

static void after_a_rest_a_line_is_said_at_once(void **state)
{
    (void)state;
    struct repeated repeated = {0};
    uint64_t times = 0;
    assert_true(repeated_say(&repeated, 1000, &times));
    assert_false(repeated_say(&repeated, 10999, &times));
    assert_true(repeated_say(&repeated, 11000, &times));
    assert_int_equal(times, 2);
    assert_false(repeated_say(&repeated, 30999, &times));
    assert_true(repeated_say(&repeated, 60000, &times)); /* more than the pause later than it might have been */
    assert_true(repeated_say(&repeated, 70000, &times)); /* so the pauses began anew */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_said_once),
        cmocka_unit_test(who_invents_texts_is_heard_a_few_times),
        cmocka_unit_test(an_outage),
        cmocka_unit_test(links_that_come_and_go),
        cmocka_unit_test(repeated_lines_grow_rare),
        cmocka_unit_test(after_a_rest_a_line_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
