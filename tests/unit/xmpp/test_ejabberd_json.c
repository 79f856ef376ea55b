/* What ejabberd's commands are told, and what becomes of answers that no honest server gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "xmpp/servers/ejabberd_json.h"

struct fixture {
    struct arena *arena;
    struct buf buf;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new();
    buf_init(&fixture->buf, 16 * 1024 * 1024);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_free(&fixture->arena);
    buf_free(&fixture->buf);
    free(fixture);
    return 0;
}

static const struct buf *says(struct fixture *fixture, const char *text)
{
    buf_clear(&fixture->buf);
    buf_puts(&fixture->buf, text);
    return &fixture->buf;
}

/* ---- arguments ---- */

static enum err tell(struct fixture *fixture, const char *value)
{
    const struct ejabberd_argument arguments[] = {{"user", "a"}, {"nick", value}, {NULL, NULL}};
    buf_clear(&fixture->buf);
    return ejabberd_arguments(arguments, &fixture->buf);
}

static void text_survives(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(tell(fixture, "Zoë <&> 汉 \"q\" \\ \t"), OK);
    assert_string_equal(buf_cstr(&fixture->buf), "{\"user\":\"a\",\"nick\":\"Zoë <&> 汉 \\\"q\\\" \\\\ \\t\"}");
    assert_int_equal(tell(fixture, ""), OK);
    assert_string_equal(buf_cstr(&fixture->buf), "{\"user\":\"a\",\"nick\":\"\"}");
}

/* ejabberd would push it to clients, whose parsers it ends. */
static void what_no_stanza_can_carry_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"\x01", "a\x1b", "\xff", "\xc3", "\xed\xa0\x80", "\xef\xbf\xbf"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(tell(fixture, bad[i]), ERR_INVALID);
}

static void too_much_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    char *text = calloc(1, 4096);
    memset(text, 'x', 4095);
    fixture->buf.limit = 1024;
    assert_int_equal(tell(fixture, text), ERR_TOO_LARGE);
    free(text);
}

static enum err groups_of(struct fixture *fixture, const char *const *groups, size_t count, const char **all_r)
{
    const struct roster_item item = {.groups = groups, .group_count = count};
    return ejabberd_groups(fixture->arena, &item, all_r);
}

static void groups_are_joined(void **state)
{
    struct fixture *fixture = *state;
    const char *all = NULL;
    assert_int_equal(groups_of(fixture, NULL, 0, &all), OK);
    assert_string_equal(all, "");
    assert_int_equal(groups_of(fixture, (const char *const[]){"Zoë <&>"}, 1, &all), OK);
    assert_string_equal(all, "Zoë <&>");
    assert_int_equal(groups_of(fixture, (const char *const[]){"a", "b b", "c"}, 3, &all), OK);
    assert_string_equal(all, "a;b b;c");
}

static void groups_that_would_become_others_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *all = NULL;
    assert_int_equal(groups_of(fixture, (const char *const[]){"a;b"}, 1, &all), ERR_INVALID);
    assert_int_equal(groups_of(fixture, (const char *const[]){"a", ""}, 2, &all), ERR_INVALID);
}

/* ---- codes ---- */

static void codes(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        enum err err;
        bool yes;
    } cases[] = {
        {"0", OK, true},
        {"1", OK, false},
        {" 0\n", OK, true},
        {"2", ERR_XMPP, false},
        {"-1", ERR_XMPP, false},
        {"", ERR_XMPP, false},
        {"00", ERR_XMPP, false},
        {"0 0", ERR_XMPP, false},
        {"\"0\"", ERR_XMPP, false},
        {"0.0", ERR_XMPP, false},
        {"true", ERR_XMPP, false},
        {"null", ERR_XMPP, false},
        {"[0]", ERR_XMPP, false},
        {"{}", ERR_XMPP, false},
        {"<html>", ERR_XMPP, false},
        {"99999999999999999999", ERR_XMPP, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool yes = false;
        if (ejabberd_read_code(says(fixture, cases[i].text), &yes) != cases[i].err ||
            (cases[i].err == OK && yes != cases[i].yes))
            fail_msg("%s", cases[i].text);
    }
}

/* ---- rosters ---- */

#define CONTACT(jid, nick, subscription, group)                                                                        \
    "{\"jid\":\"" jid "\",\"nick\":\"" nick "\",\"subscription\":\"" subscription                                      \
    "\",\"ask\":\"none\",\"group\":\"" group "\"}"

static void reads_a_roster(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    const struct buf *answer =
        says(fixture, "[" CONTACT("a@x", "A", "both", "G") "," CONTACT("a@x", "A", "both", "H") ",\n " CONTACT(
                          "b@x", "", "from", "") "," CONTACT("c@x", "\\u6c49", "nonsense",
                                                             "") "," CONTACT("d@x", "D", "to", "G") "]");
    assert_int_equal(ejabberd_read_roster(answer, fixture->arena, &roster), OK);
    buf_clear(&fixture->buf); /* the roster does not need it any more */
    assert_int_equal(roster.count, 4);
    assert_string_equal(roster.items[0].jid, "a@x");
    assert_string_equal(roster.items[0].name, "A");
    assert_int_equal(roster.items[0].subscription, XMPP_BOTH);
    assert_int_equal(roster.items[0].group_count, 2);
    assert_string_equal(roster.items[0].groups[0], "G");
    assert_string_equal(roster.items[0].groups[1], "H");
    assert_int_equal(roster.items[1].subscription, XMPP_FROM);
    assert_int_equal(roster.items[1].group_count, 0);
    assert_string_equal(roster.items[2].name, "汉");
    assert_int_equal(roster.items[2].subscription, XMPP_NONE);
    assert_int_equal(roster.items[3].subscription, XMPP_TO);
    assert_int_equal(roster.items[3].group_count, 1);
}

/* add_rosteritem would take one for several. */
static void groups_that_could_not_be_written_are_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    const struct buf *answer = says(fixture, "[" CONTACT("a@x", "A", "both", "G;H") "," CONTACT(
                                                 "a@x", "A", "both", "I") "," CONTACT("b@x", "B", "both", ";") "]");
    assert_int_equal(ejabberd_read_roster(answer, fixture->arena, &roster), OK);
    assert_int_equal(roster.group_separator, ';');
    assert_int_equal(roster.count, 2);
    assert_int_equal(roster.items[0].group_count, 1);
    assert_string_equal(roster.items[0].groups[0], "I");
    assert_int_equal(roster.items[1].group_count, 0);
}

static void reads_an_empty_roster(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    assert_int_equal(ejabberd_read_roster(says(fixture, " [ ]\n"), fixture->arena, &roster), OK);
    assert_int_equal(roster.count, 0);
}

static void reads_a_large_roster_without_a_tree_of_it(void **state)
{
    struct fixture *fixture = *state;
    enum { ITEMS = 20000 };
    buf_puts(&fixture->buf, "[");
    for (int i = 0; i < ITEMS; i++)
        buf_printf(&fixture->buf, "%s" CONTACT("u%d@x", "{[name %d]}", "both", "G"), i > 0 ? "," : "", i, i);
    buf_puts(&fixture->buf, "]");
    struct roster roster;
    assert_int_equal(ejabberd_read_roster(&fixture->buf, fixture->arena, &roster), OK);
    assert_int_equal(roster.count, ITEMS);
    assert_string_equal(roster.items[ITEMS - 1].jid, "u19999@x");
    assert_string_equal(roster.items[ITEMS - 1].name, "{[name 19999]}");
    assert_true(arena_used(fixture->arena) < 4 * fixture->buf.length);
}

static void answers_that_are_no_roster(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "",
        "0",
        "\"not_found\"",
        "{}",
        "<html>",
        "[",
        "[[]]",
        "[0]",
        "[null]",
        "[{}]",
        "[" CONTACT("a@x", "A", "both", "G"),
        "[" CONTACT("a@x", "A", "both", "G") ",",
        "[" CONTACT("a@x", "A", "both", "G") ",]",
        "[," CONTACT("a@x", "A", "both", "G") "]",
        "[" CONTACT("a@x", "A", "both", "G") CONTACT("b@x", "A", "both", "G") "]",
        "[" CONTACT("a@x", "A", "both", "G") "] 0",
        "[" CONTACT("a@x", "A", "both", "G") "]]",
        "[" CONTACT("a@x", "\\u0000", "both", "G") "]",
        "[" CONTACT("a@x", "\xff", "both", "G") "]",
        "[{\"jid\":\"a@x\",\"nick\":\"A\",\"subscription\":\"both\"}]",
        "[{\"jid\":7,\"nick\":\"A\",\"subscription\":\"both\",\"group\":\"\"}]",
        "[{\"jid\":\"a@x\",\"nick\":null,\"subscription\":\"both\",\"group\":\"\"}]",
        "[{\"jid\":\"a@x\",\"nick\":\"A\",\"subscription\":[],\"group\":\"\"}]",
        "[{\"jid\":\"a@x\",\"nick\":\"A\",\"subscription\":\"both\",\"group\":{}}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct roster roster;
        if (ejabberd_read_roster(says(fixture, bad[i]), fixture->arena, &roster) != ERR_XMPP)
            fail_msg("%s", bad[i]);
        assert_int_equal(roster.count, 0);
    }
}

static void bytes_behind_a_nul_count(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    says(fixture, "[]");
    buf_append(&fixture->buf, "\0]", 2);
    assert_int_equal(ejabberd_read_roster(&fixture->buf, fixture->arena, &roster), ERR_XMPP);
}

static void depth_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    says(fixture, "[{\"jid\":");
    for (int i = 0; i < 200000; i++)
        buf_puts(&fixture->buf, "[");
    assert_int_equal(ejabberd_read_roster(&fixture->buf, fixture->arena, &roster), ERR_XMPP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_survives),
        TEST(what_no_stanza_can_carry_is_not_told),
        TEST(too_much_is_not_told),
        TEST(groups_are_joined),
        TEST(groups_that_would_become_others_are_refused),
        TEST(codes),
        TEST(reads_a_roster),
        TEST(groups_that_could_not_be_written_are_not_read),
        TEST(reads_an_empty_roster),
        TEST(reads_a_large_roster_without_a_tree_of_it),
        TEST(answers_that_are_no_roster),
        TEST(bytes_behind_a_nul_count),
        TEST(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
