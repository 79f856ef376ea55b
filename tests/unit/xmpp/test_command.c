/* Commands that we offer: what is read of a request, and the answer byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "component/base/buf.h"
#include "tests/unit/arena.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/command.h"

#define COMMANDS "http://jabber.org/protocol/commands"
#define IQ(inner)                                                                                                      \
    "<iq type='set' id='7' from='a@example.org/r' to='registrar.example.org'>"                                         \
    "<command xmlns='" COMMANDS "' " inner "</command></iq>"
#define FORM(inner) "<x xmlns='jabber:x:data' type='submit'>" inner "</x>"
#define ANSWER(inner)                                                                                                  \
    "<iq id=\"7\" to=\"a@example.org/r\" type=\"result\" from=\"registrar.example.org\">" inner "</iq>"

static struct command_request request;

static enum err read_it(const char *stanza)
{
    struct tree *tree = tree_of(stanza);
    assert_non_null(tree);
    assert_true(command_is(tree->root));
    const enum err err = command_read(arena, tree->root, &request);
    tree_free(&tree); /* nothing of it is kept */
    return err;
}

/* --- reading */

static void a_request_as_clients_send_it(void **state)
{
    (void)state;
    assert_int_equal(read_it(IQ("node='list'>")), OK);
    assert_string_equal(request.from, "a@example.org/r");
    assert_string_equal(request.id, "7");
    assert_string_equal(request.node, "list");
    assert_string_equal(request.session, "");
    assert_int_equal(request.action, COMMAND_EXECUTE);
    assert_false(request.has_form);
    assert_null(command_value(&request, "code"));

    assert_int_equal(read_it(IQ("node='bind' sessionid='s' action='complete'>" FORM(
                         "<field var='FORM_TYPE' type='hidden'><value>f</value></field>"
                         "<field var='code'><value>a &lt;b&gt;</value><value>second</value></field>"
                         "<field var='empty'><value/></field><field var='none'/><field><value>x</value></field>"))),
                     OK);
    assert_string_equal(request.session, "s");
    assert_int_equal(request.action, COMMAND_COMPLETE);
    assert_true(request.has_form);
    assert_int_equal(request.field_count, 5);
    assert_string_equal(command_value(&request, "code"), "a <b>");
    assert_null(command_value(&request, "empty"));
    assert_null(command_value(&request, "none"));
    assert_null(command_value(&request, "other"));
}

static void actions(void **state)
{
    static const struct {
        const char *text;
        enum command_action action;
    } cases[] = {{"execute", COMMAND_EXECUTE},   {"next", COMMAND_NEXT},      {"prev", COMMAND_PREV},
                 {"complete", COMMAND_COMPLETE}, {"cancel", COMMAND_CANCEL},  {"finish", COMMAND_UNKNOWN},
                 {"", COMMAND_UNKNOWN},          {"Execute", COMMAND_UNKNOWN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char stanza[512];
        snprintf(stanza, sizeof stanza, IQ("node='x' action='%s'>"), cases[i].text);
        assert_int_equal(read_it(stanza), OK);
        assert_int_equal(request.action, cases[i].action);
    }
}

static void forms_of_other_types_are_none(void **state)
{
    (void)state;
    assert_int_equal(read_it(IQ("node='x'><x xmlns='jabber:x:data' type='cancel'/>")), OK);
    assert_false(request.has_form);
    assert_int_equal(read_it(IQ("node='x'><x xmlns='other' type='submit'/>")), OK);
    assert_false(request.has_form);
    assert_int_equal(read_it(IQ("node='x'>" FORM(""))), OK);
    assert_true(request.has_form);
    assert_int_equal(request.field_count, 0);
}

static void what_is_too_much(void **state)
{
    static char stanza[8192], fields[4096], text[COMMAND_VALUE_MAX + 2];
    (void)state;
    memset(text, 'x', COMMAND_VALUE_MAX + 1);
    snprintf(stanza, sizeof stanza, IQ("node='bind'>" FORM("<field var='code'><value>%s</value></field>")), text + 1);
    assert_int_equal(read_it(stanza), OK);
    snprintf(stanza, sizeof stanza, IQ("node='bind'>" FORM("<field var='code'><value>%s</value></field>")), text);
    assert_int_equal(read_it(stanza), ERR_TOO_LARGE);
    assert_string_equal(request.id, "7"); /* it can be answered */
    assert_string_equal(request.node, "bind");
    snprintf(stanza, sizeof stanza, IQ("node='%s'>"), text);
    assert_int_equal(read_it(stanza), ERR_TOO_LARGE);
    snprintf(stanza, sizeof stanza, IQ("node='x' sessionid='%s'>"), text);
    assert_int_equal(read_it(stanza), ERR_TOO_LARGE);
    size_t length = 0;
    for (int i = 0; i < COMMAND_FIELDS_MAX + 1; i++) {
        snprintf(stanza, sizeof stanza, IQ("node='x'>" FORM("%s")), fields);
        assert_int_equal(read_it(stanza), OK);
        length += (size_t)snprintf(fields + length, sizeof fields - length, "<field var='f%d'/>", i);
    }
    snprintf(stanza, sizeof stanza, IQ("node='x'>" FORM("%s")), fields);
    assert_int_equal(read_it(stanza), ERR_TOO_LARGE);
}

static void what_is_no_command(void **state)
{
    static const char *const stanzas[] = {"<iq type='set' id='1' from='a@x'><command xmlns='other'/></iq>",
                                          "<iq type='set' id='1' from='a@x'><other xmlns='" COMMANDS "'/></iq>",
                                          "<iq type='set' id='1' from='a@x'/>"};
    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++) {
        struct tree *tree = tree_of(stanzas[i]);
        assert_false(command_is(tree->root));
        tree_free(&tree);
    }
}

/* --- writing */

static void expect(const struct command_answer *answer, const char *stanza)
{
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(command_write("registrar.example.org", &request, answer, &out), OK);
    assert_string_equal(buf_cstr(&out), stanza);
    buf_free(&out);
}

static void an_answer_with_a_form(void **state)
{
    (void)state;
    static const struct form_option options[] = {{"One <1>", "1"}, {"", "2"}};
    static const struct form_field fields[] = {
        {.name = "a",
         .type = "list-single",
         .label = "Which",
         .required = true,
         .value = "1",
         .options = options,
         .option_count = 2},
        {.name = "b", .type = "fixed", .value = "a & b"},
        {.name = "c", .type = "text-single", .label = "C"},
    };
    static const struct form form = {
        .type = "form", .title = "T", .instructions = "Do", .fields = fields, .field_count = 3};
    assert_int_equal(read_it(IQ("node='bind'>")), OK);
    expect(&(struct command_answer){.status = "executing", .session = "s", .form = &form},
           ANSWER("<command xmlns=\"" COMMANDS "\" status=\"executing\" sessionid=\"s\" node=\"bind\">"
                  "<actions execute=\"complete\"><complete/></actions>"
                  "<x xmlns=\"jabber:x:data\" type=\"form\"><title>T</title><instructions>Do</instructions>"
                  "<field label=\"Which\" type=\"list-single\" var=\"a\"><required/><value>1</value>"
                  "<option label=\"One &lt;1&gt;\"><value>1</value></option><option><value>2</value></option></field>"
                  "<field type=\"fixed\" var=\"b\"><value>a &amp; b</value></field>"
                  "<field label=\"C\" type=\"text-single\" var=\"c\"/></x></command>"));
}

static void an_answer_with_a_table(void **state)
{
    (void)state;
    static const struct form_column columns[] = {{"name", "text-single", "Name"}, {"jid", "jid-single", "JID"}};
    static const char *const cells[] = {"a", "a@x", "<b>", "b@x"};
    static const struct form form = {
        .type = "result", .columns = columns, .column_count = 2, .cells = cells, .row_count = 2};
    assert_int_equal(read_it(IQ("node='list'>")), OK);
    expect(
        &(struct command_answer){.status = "completed", .form = &form, .note = "N", .note_type = "info"},
        ANSWER("<command xmlns=\"" COMMANDS "\" status=\"completed\" node=\"list\">"
               "<x xmlns=\"jabber:x:data\" type=\"result\"><reported>"
               "<field label=\"Name\" type=\"text-single\" var=\"name\"/><field label=\"JID\" type=\"jid-single\" "
               "var=\"jid\"/></reported>"
               "<item><field var=\"name\"><value>a</value></field><field var=\"jid\"><value>a@x</value></field></item>"
               "<item><field var=\"name\"><value>&lt;b&gt;</value></field><field var=\"jid\"><value>b@x</value></field>"
               "</item></x><note type=\"info\">N</note></command>"));
}

static void errors(void **state)
{
    (void)state;
    assert_int_equal(read_it(IQ("node='list'>")), OK);
    expect(&(struct command_answer){.condition = "bad-request", .kind = "modify", .detail = "bad-sessionid"},
           "<iq id=\"7\" to=\"a@example.org/r\" type=\"error\" from=\"registrar.example.org\"><error type=\"modify\">"
           "<bad-request xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><bad-sessionid xmlns=\"" COMMANDS
           "\"/></error></iq>");
    expect(&(struct command_answer){.condition = "forbidden", .kind = "auth"},
           "<iq id=\"7\" to=\"a@example.org/r\" type=\"error\" from=\"registrar.example.org\"><error type=\"auth\">"
           "<forbidden xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>");
}

static void what_no_stanza_carries(void **state)
{
    static const char *const texts[] = {"\x01", "\xff", "a\rb", "\xef\xbf\xbf", "\xed\xa0\x80"};
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(read_it(IQ("node='list'>")), OK);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct form_option option = {.label = texts[i], .value = "1"};
        const struct form_field label = {.name = "a", .label = texts[i]}, value = {.name = "a", .value = texts[i]},
                                options = {.name = "a", .options = &option, .option_count = 1};
        const struct form_field *const fields[] = {&label, &value, &options};
        for (size_t f = 0; f < 3; f++) {
            const struct form form = {.type = "result", .fields = fields[f], .field_count = 1};
            const struct command_answer answer = {.status = "completed", .form = &form};
            assert_int_equal(command_write("registrar.example.org", &request, &answer, &out), ERR_INVALID);
        }
        const struct command_answer noted = {.status = "completed", .note = texts[i], .note_type = "info"};
        assert_int_equal(command_write("registrar.example.org", &request, &noted, &out), ERR_INVALID);
    }
    assert_int_equal(out.length, 0);
    buf_free(&out);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    assert_int_equal(read_it(IQ("node='list'>")), OK);
    assert_int_equal(
        command_write("registrar.example.org", &request, &(struct command_answer){.status = "completed"}, &out),
        ERR_TOO_LARGE);
    assert_int_equal(out.length, 0);
    buf_free(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_set_up, arena_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_as_clients_send_it),
        TEST(actions),
        TEST(forms_of_other_types_are_none),
        TEST(what_is_too_much),
        TEST(what_is_no_command),
        TEST(an_answer_with_a_form),
        TEST(an_answer_with_a_table),
        TEST(errors),
        TEST(what_no_stanza_carries),
        TEST(what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
