/* Roster items to stanzas and back, and when a side counts as right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/ns.h"
#include "xmpp/rosters.h"

static const char *const two_groups[] = {"One", "Two"};
static const struct roster_item item = {.jid = "b@x", .name = "B & C", .groups = two_groups, .group_count = 2};

static void expect_written(const char *subscription, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    struct stanza_builder *builder = stanza_builder_new();
    stanza_open(builder, "iq", NULL);
    roster_write(builder, &item, subscription);
    assert_int_equal(stanza_finish(builder, &out), OK);
    assert_string_equal(buf_cstr(&out), expected);
    stanza_builder_free(&builder);
    buf_free(&out);
}

static void writes_items(void **state)
{
    (void)state;
    expect_written(NULL, "<iq><query xmlns=\"jabber:iq:roster\"><item jid=\"b@x\" name=\"B &amp; C\">"
                         "<group>One</group><group>Two</group></item></query></iq>");
    expect_written("both", "<iq><query xmlns=\"jabber:iq:roster\"><item jid=\"b@x\" subscription=\"both\" "
                           "name=\"B &amp; C\"><group>One</group><group>Two</group></item></query></iq>");
    expect_written("remove", "<iq><query xmlns=\"jabber:iq:roster\"><item jid=\"b@x\" subscription=\"remove\"/>"
                             "</query></iq>");
}

static void reads_a_roster(void **state)
{
    (void)state;
    struct tree *tree = tree_of("<iq><query xmlns='jabber:iq:roster' ver='7'>"
                                "<item jid='a@x' subscription='both' name='A'><group>G</group><other/>"
                                "<group>H</group></item>"
                                "<item jid='b@x' subscription='nonsense'/><item/><x/>"
                                "<item jid='c@x' subscription='from'/><item jid='d@x' subscription='to'/>"
                                "</query></iq>");
    struct arena *arena = arena_new();
    struct roster roster;
    roster_read(element_child(tree->root, NS_ROSTER, "query"), arena, &roster);
    tree_free(&tree); /* the roster does not need it any more */
    assert_int_equal(roster.count, 5);
    assert_string_equal(roster.items[0].jid, "a@x");
    assert_string_equal(roster.items[0].name, "A");
    assert_int_equal(roster.items[0].subscription, XMPP_BOTH);
    assert_int_equal(roster.items[0].group_count, 2);
    assert_string_equal(roster.items[0].groups[1], "H");
    assert_int_equal(roster.items[1].subscription, XMPP_NONE);
    assert_string_equal(roster.items[1].name, "");
    assert_string_equal(roster.items[2].jid, "");
    assert_int_equal(roster.items[3].subscription, XMPP_FROM);
    assert_int_equal(roster.items[4].subscription, XMPP_TO);
    arena_free(&arena);
}

static void reads_an_empty_roster(void **state)
{
    (void)state;
    struct tree *tree = tree_of("<iq><query xmlns='jabber:iq:roster'/></iq>");
    struct arena *arena = arena_new();
    struct roster roster;
    roster_read(tree->root->first, arena, &roster);
    assert_int_equal(roster.count, 0);
    tree_free(&tree);
    arena_free(&arena);
}

/* What the side is after looking at a roster with this one item, besides another. */
static bool is_right(const char *shown, bool exists, bool bound)
{
    char text[512];
    snprintf(text, sizeof text,
             "<iq><query xmlns='jabber:iq:roster'><item jid='other@x' subscription='both'/>%s</query></iq>", shown);
    struct tree *tree = tree_of(text);
    struct arena *arena = arena_new();
    struct roster_side side = {.local = "a", .exists = exists, .item = item};
    struct arena *of_reading = arena_new();
    struct roster roster;
    roster_read(tree->root->first, of_reading, &roster);
    tree_free(&tree);
    roster_look(&roster, arena, &side);
    arena_free(&of_reading); /* what was seen is copied */
    bool right = roster_side_is(&side, bound);
    arena_free(&arena);
    return right;
}

#define ITEM(subscription, name, groups)                                                                               \
    "<item jid='b@x' subscription='" subscription "' name='" name "'>" groups "</item>"
#define GROUPS "<group>Two</group><group>One</group>"

static void knows_when_a_side_is_right(void **state)
{
    (void)state;
    assert_true(is_right(ITEM("both", "B &amp; C", GROUPS), true, true)); /* groups in any order */
    assert_false(is_right(ITEM("to", "B &amp; C", GROUPS), true, true));
    assert_false(is_right(ITEM("none", "B &amp; C", GROUPS), true, true));
    assert_false(is_right(ITEM("both", "B", GROUPS), true, true));
    assert_false(is_right(ITEM("both", "B &amp; C", "<group>One</group>"), true, true));
    assert_false(is_right(ITEM("both", "B &amp; C", GROUPS "<group>Three</group>"), true, true));
    assert_false(is_right("<item jid='b@x.y' subscription='both'/>", true, true));
    assert_false(is_right("", true, true));

    assert_true(is_right("", true, false));
    assert_false(is_right(ITEM("none", "", ""), true, false));

    assert_true(is_right("", false, true)); /* nobody is there to be wrong */
    assert_true(is_right(ITEM("none", "", ""), false, false));
}

static void groups_that_a_server_cannot_be_told_are_left_out(void **state)
{
    (void)state;
    static const char *const groups[] = {"a;b", "One", ";", "Two"};
    struct roster_item wished = {.jid = "b@x", .name = "B", .groups = groups, .group_count = 4};
    struct arena *arena = arena_new();
    roster_item_fit(arena, &wished, '\0');
    assert_int_equal(wished.group_count, 4);
    roster_item_fit(arena, &wished, ';');
    assert_int_equal(wished.group_count, 2);
    assert_string_equal(wished.groups[0], "One");
    assert_string_equal(wished.groups[1], "Two");
    wished.group_count = 0;
    roster_item_fit(arena, &wished, ';');
    assert_int_equal(wished.group_count, 0);
    arena_free(&arena);
}

static void names_subscriptions(void **state)
{
    (void)state;
    assert_string_equal(xmpp_subscription_name(XMPP_NONE), "none");
    assert_string_equal(xmpp_subscription_name(XMPP_TO), "to");
    assert_string_equal(xmpp_subscription_name(XMPP_FROM), "from");
    assert_string_equal(xmpp_subscription_name(XMPP_BOTH), "both");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_items),
        cmocka_unit_test(reads_a_roster),
        cmocka_unit_test(reads_an_empty_roster),
        cmocka_unit_test(knows_when_a_side_is_right),
        cmocka_unit_test(groups_that_a_server_cannot_be_told_are_left_out),
        cmocka_unit_test(names_subscriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
