/* How one account stands in another's roster (component/service/roster_items.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/service/roster_items.h"
#include "component/service/services.h"
#include "tests/unit/arena.h"

static const char *const of_phones[] = {"People", "手机"};
static const char *const of_pair[] = {"Kitchen"};
static const struct service_settings settings = {
    .xmpp_domain = "example.org", .country = 86, .roster = {.groups = {[ACCOUNT_PHONE] = {of_phones, 2}}}};
static const struct account phone = {
    .type = ACCOUNT_PHONE, .name = "+8613912345678", .nickname = "", .jid_local = "p7"};
static const struct account lamp = {.type = ACCOUNT_DEVICE, .name = "lamp", .nickname = "Lampe", .jid_local = "d9"};

static struct roster_item item_of(const struct account *other, struct shown_as said)
{
    return roster_item_of(arena, &settings, other, &said);
}

static void by_account_and_configuration(void **state)
{
    (void)state;
    const struct roster_item first = item_of(&phone, (struct shown_as){0});
    assert_string_equal(first.jid, "p7@example.org");
    assert_int_equal(first.subscription, XMPP_BOTH);
    assert_string_equal(first.name, "13912345678");
    assert_int_equal(first.group_count, 2);
    assert_string_equal(first.groups[1], "手机");
    const struct roster_item second = item_of(&lamp, (struct shown_as){0});
    assert_string_equal(second.name, "Lampe");
    assert_int_equal(second.group_count, 0);
}

static void what_was_said_for_the_binding_comes_first(void **state)
{
    (void)state;
    const struct roster_item named = item_of(&phone, (struct shown_as){.nickname = "Mum"});
    assert_string_equal(named.name, "Mum");
    assert_int_equal(named.group_count, 2);
    const struct roster_item grouped =
        item_of(&phone, (struct shown_as){.has_groups = true, .groups = of_pair, .group_count = 1});
    assert_string_equal(grouped.name, "13912345678");
    assert_int_equal(grouped.group_count, 1);
    assert_string_equal(grouped.groups[0], "Kitchen");
    assert_int_equal(item_of(&phone, (struct shown_as){.has_groups = true}).group_count, 0);
}

static void names_that_fit(void **state)
{
    (void)state;
    char longest[ROSTER_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[ROSTER_NAME_MAX + 1] = '\0';
    assert_false(roster_name_fits(longest));
    longest[ROSTER_NAME_MAX] = '\0';
    assert_true(roster_name_fits(longest));
    assert_true(roster_name_fits("客厅 & \"<kitchen>\""));
    assert_false(roster_name_fits(""));
    assert_false(roster_name_fits("a\x1f"));
    assert_false(roster_name_fits("two\nlines"));
    assert_false(roster_name_fits("\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_account_and_configuration),
        cmocka_unit_test(what_was_said_for_the_binding_comes_first),
        cmocka_unit_test(names_that_fit),
    };
    return cmocka_run_group_tests_name("roster_items", tests, arena_set_up, arena_tear_down);
}
