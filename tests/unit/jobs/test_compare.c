/* How a roster differs from what is expected of it (component/jobs/compare.h). */
#include "component/jobs/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/arena.h"

enum { MANY = 5000 };

static struct difference *found;
static size_t count;

static struct roster_item item(const char *jid, const char *name)
{
    return (struct roster_item){.jid = jid, .subscription = XMPP_BOTH, .name = name};
}

static struct expected_item expected(const char *jid, const char *name)
{
    return (struct expected_item){.item = item(jid, name), .settled = true};
}

static void compare(const struct expected_item *wanted, size_t wanted_count, const struct roster_item *seen,
                    size_t seen_count)
{
    const struct roster roster = {.items = seen, .count = seen_count};
    compare_roster(arena, wanted, wanted_count, &roster, "example.org", &found, &count);
}

static void assert_one(enum difference_kind kind, size_t index, size_t seen)
{
    assert_int_equal(count, 1);
    assert_int_equal(found[0].kind, kind);
    assert_int_equal(found[0].index, index);
    assert_int_equal(found[0].seen, seen);
}

static void a_group_that_the_server_cannot_be_told_is_not_expected(void **state)
{
    (void)state;
    static const char *const wished[] = {"a;b", "Home"};
    struct expected_item wanted = expected("a@example.org", "A");
    wanted.item.groups = wished;
    wanted.item.group_count = 2;
    struct roster_item there = item("a@example.org", "A");
    there.groups = wished + 1;
    there.group_count = 1;
    struct roster roster = {.items = &there, .count = 1};
    compare_roster(arena, &wanted, 1, &roster, "example.org", &found, &count);
    assert_one(DIFFERENCE_NAME, 0, 0);
    roster.group_separator = ';';
    compare_roster(arena, &wanted, 1, &roster, "example.org", &found, &count);
    assert_int_equal(count, 0);
    there.group_count = 0;
    compare_roster(arena, &wanted, 1, &roster, "example.org", &found, &count);
    assert_one(DIFFERENCE_NAME, 0, 0);
}

static void what_is_as_expected_differs_in_nothing(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("b@example.org", "B"), expected("a@example.org", "A")};
    const struct roster_item seen[] = {item("a@example.org", "A"), item("b@example.org", "B")};
    compare(wanted, 2, seen, 2);
    assert_int_equal(count, 0);
    compare(NULL, 0, NULL, 0);
    assert_int_equal(count, 0);
}

static void a_missing_item_is_missing(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("a@example.org", "A"), expected("b@example.org", "B")};
    const struct roster_item seen[] = {item("a@example.org", "A")};
    compare(wanted, 2, seen, 1);
    assert_one(DIFFERENCE_MISSING, 1, 0);
    compare(wanted, 2, NULL, 0);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].kind, DIFFERENCE_MISSING);
    assert_int_equal(found[1].kind, DIFFERENCE_MISSING);
}

static void another_subscription_than_both_differs_and_says_so_before_the_name(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("a@example.org", "A")};
    for (enum xmpp_subscription subscription = XMPP_NONE; subscription <= XMPP_FROM; subscription++) {
        struct roster_item seen = item("a@example.org", "other");
        seen.subscription = subscription;
        compare(wanted, 1, &seen, 1);
        assert_one(DIFFERENCE_SUBSCRIPTION, 0, 0);
    }
}

static void another_name_differs(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("a@example.org", "A")};
    const struct roster_item seen[] = {item("aunt@elsewhere", "Aunt"), item("a@example.org", "a")};
    compare(wanted, 1, seen, 2);
    assert_one(DIFFERENCE_NAME, 0, 1);
}

static void groups_are_sets(void **state)
{
    (void)state;
    static const char *const ab[] = {"a", "b"}, *const ba[] = {"b", "a"}, *const ac[] = {"a", "c"};
    struct expected_item wanted = expected("a@example.org", "A");
    struct roster_item seen = item("a@example.org", "A");
    wanted.item.groups = ab;
    wanted.item.group_count = seen.group_count = 2;
    seen.groups = ba;
    compare(&wanted, 1, &seen, 1);
    assert_int_equal(count, 0);
    seen.groups = ac;
    compare(&wanted, 1, &seen, 1);
    assert_one(DIFFERENCE_NAME, 0, 0);
    seen.groups = ab;
    seen.group_count = 1;
    compare(&wanted, 1, &seen, 1);
    assert_one(DIFFERENCE_NAME, 0, 0);
    seen.group_count = 2;
    wanted.item.group_count = 0;
    compare(&wanted, 1, &seen, 1);
    assert_one(DIFFERENCE_NAME, 0, 0);
}

/* Whether it is there or not: its own errand is at it. */
static void of_what_is_just_changing_nothing_is_said(void **state)
{
    (void)state;
    struct expected_item wanted = expected("a@example.org", "A");
    struct roster_item seen = item("a@example.org", "other");
    wanted.settled = false;
    seen.subscription = XMPP_NONE;
    compare(&wanted, 1, &seen, 1);
    assert_int_equal(count, 0);
    compare(&wanted, 1, NULL, 0);
    assert_int_equal(count, 0);
}

static void a_jid_of_ours_that_nothing_is_expected_of_may_be_a_left_over(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("a@example.org", "A")};
    const struct roster_item seen[] = {item("a@example.org", "A"), item("z@example.org", "Z")};
    compare(wanted, 1, seen, 2);
    assert_one(DIFFERENCE_LEFT_OVER, 0, 1);
    compare(NULL, 0, seen, 1);
    assert_one(DIFFERENCE_LEFT_OVER, 0, 0);
}

static void jids_of_others_are_none_of_ours(void **state)
{
    (void)state;
    const struct roster_item seen[] = {item("a@elsewhere.org", "A"),     item("example.org", "the server"),
                                       item("a@b.example.org", "A"),     item("a@example.org.evil", "A"),
                                       item("a@example.org/phone", "A"), item("", "")};
    compare(NULL, 0, seen, sizeof seen / sizeof seen[0]);
    assert_int_equal(count, 0);
}

static void expected_items_come_first_and_in_their_order(void **state)
{
    (void)state;
    const struct expected_item wanted[] = {expected("z@example.org", "Z"), expected("b@example.org", "B"),
                                           expected("a@example.org", "A")};
    const struct roster_item seen[] = {item("0@example.org", ""), item("b@example.org", "other")};
    compare(wanted, 3, seen, 2);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(found[i].kind, i == 1 ? DIFFERENCE_NAME : DIFFERENCE_MISSING);
        assert_int_equal(found[i].index, i);
    }
    assert_int_equal(found[3].kind, DIFFERENCE_LEFT_OVER);
}

/* Every third is missing, every fifth renamed, and there are as many of others. */
static void rosters_of_thousands(void **state)
{
    (void)state;
    struct expected_item *wanted = arena_array(arena, MANY, sizeof *wanted);
    struct roster_item *seen = arena_array(arena, 2 * MANY, sizeof *seen);
    size_t seen_count = 0, missing = 0, renamed = 0, others = 0;
    for (size_t i = 0; i < MANY; i++) {
        const char *jid = arena_printf(arena, "%04zu@example.org", i * 7919 % MANY);
        wanted[i] = expected(jid, "N");
        missing += i % 3 == 0;
        renamed += i % 3 != 0 && i % 5 == 0;
        if (i % 3 != 0)
            seen[seen_count++] = item(jid, i % 5 == 0 ? "M" : "N");
        if (i % 2 == 0) {
            seen[seen_count++] = item(arena_printf(arena, "x%zu@example.org", i), "X");
            others++;
        }
    }
    compare(wanted, MANY, seen, seen_count);
    size_t counts[DIFFERENCE_KINDS] = {0};
    for (size_t i = 0; i < count; i++)
        counts[found[i].kind]++;
    assert_int_equal(counts[DIFFERENCE_MISSING], missing);
    assert_int_equal(counts[DIFFERENCE_NAME], renamed);
    assert_int_equal(counts[DIFFERENCE_LEFT_OVER], others);
    assert_int_equal(count, missing + renamed + others);
}

static void each_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (enum difference_kind a = 0; a < DIFFERENCE_KINDS; a++) {
        assert_true(difference_name(a)[0] != '\0');
        for (enum difference_kind b = 0; b < a; b++)
            assert_string_not_equal(difference_name(a), difference_name(b));
    }
}

#define COMPARE_TEST(test) cmocka_unit_test_setup_teardown(test, arena_set_up, arena_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMPARE_TEST(what_is_as_expected_differs_in_nothing),
        COMPARE_TEST(a_missing_item_is_missing),
        COMPARE_TEST(another_subscription_than_both_differs_and_says_so_before_the_name),
        COMPARE_TEST(another_name_differs),
        COMPARE_TEST(groups_are_sets),
        COMPARE_TEST(a_group_that_the_server_cannot_be_told_is_not_expected),
        COMPARE_TEST(of_what_is_just_changing_nothing_is_said),
        COMPARE_TEST(a_jid_of_ours_that_nothing_is_expected_of_may_be_a_left_over),
        COMPARE_TEST(jids_of_others_are_none_of_ours),
        COMPARE_TEST(expected_items_come_first_and_in_their_order),
        COMPARE_TEST(rosters_of_thousands),
        COMPARE_TEST(each_kind_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
