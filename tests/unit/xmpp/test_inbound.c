/* What we answer, byte for byte, and what we do not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/buf.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/inbound.h"

#define ASK(type, inner)                                                                                               \
    "<iq type='" type "' id='7' from='component.example.org' to='registrar.example.org'>" inner "</iq>"
#define ANSWER(inner) "<iq id=\"7\" to=\"component.example.org\" type=\"result\" from=\"registrar.example.org\"" inner
#define REFUSAL(condition)                                                                                             \
    "<iq id=\"7\" to=\"component.example.org\" type=\"error\" from=\"registrar.example.org\">"                         \
    "<error type=\"cancel\"><" condition " xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"

static const struct inbound_config plain = {.component = "registrar.example.org", .version = "1.2 <3>"};
static const struct command_offer offers[] = {{"list", "My <devices>"}, {"bind", "Bind"}};
static const struct inbound_config offering = {.component = "registrar.example.org",
                                               .version = "1",
                                               .offers = offers,
                                               .offer_count = 2,
                                               .register_text = "In the <app>.",
                                               .register_url = "https://example.org/?a&b"};

static void expect_of(const struct inbound_config *config, const char *stanza, const char *answer)
{
    struct tree *tree = tree_of(stanza);
    assert_non_null(tree);
    struct buf reply;
    buf_init(&reply, 4096);
    assert_true(inbound_answer(config, tree->root, &reply));
    assert_string_equal(buf_cstr(&reply), answer);
    buf_free(&reply);
    tree_free(&tree);
}

static void expect(const char *stanza, const char *answer)
{
    expect_of(&plain, stanza, answer);
}

static void answers_info(void **state)
{
    (void)state;
    expect(ASK("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
           ANSWER("><query xmlns=\"http://jabber.org/protocol/disco#info\">"
                  "<identity type=\"generic\" category=\"component\" name=\"Registrar\"/>"
                  "<feature var=\"http://jabber.org/protocol/disco#info\"/>"
                  "<feature var=\"http://jabber.org/protocol/disco#items\"/>"
                  "<feature var=\"urn:xmpp:ping\"/><feature var=\"jabber:iq:version\"/></query></iq>"));
}

static void answers_items(void **state)
{
    (void)state;
    expect(ASK("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
           ANSWER("><query xmlns=\"http://jabber.org/protocol/disco#items\"/></iq>"));
}

static void answers_ping(void **state)
{
    (void)state;
    expect(ASK("get", "<ping xmlns='urn:xmpp:ping'/>"), ANSWER("/>"));
}

static void answers_version(void **state)
{
    (void)state;
    expect(ASK("get", "<query xmlns='jabber:iq:version'/>"),
           ANSWER("><query xmlns=\"jabber:iq:version\"><name>Registrar</name>"
                  "<version>1.2 &lt;3&gt;</version></query></iq>"));
}

static void answers_as_who_was_asked(void **state)
{
    (void)state;
    expect("<iq type='get' id='&lt;' from='a&amp;b@x/&quot;r'><ping xmlns='urn:xmpp:ping'/></iq>",
           "<iq id=\"&lt;\" to=\"a&amp;b@x/&quot;r\" type=\"result\" from=\"registrar.example.org\"/>");
    expect("<iq type='get' id='1' from='a@x' to='user@registrar.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
           "<iq id=\"1\" to=\"a@x\" type=\"error\" from=\"user@registrar.example.org\"><error type=\"cancel\">"
           "<service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>");
}

static void refuses_the_rest(void **state)
{
    (void)state;
    expect(ASK("get", "<query xmlns='jabber:iq:roster'/>"), REFUSAL("service-unavailable"));
    expect(ASK("set", "<query xmlns='jabber:iq:version'/>"), REFUSAL("service-unavailable"));
    expect(ASK("set", "<command xmlns='http://jabber.org/protocol/commands'/>"), REFUSAL("service-unavailable"));
    expect(ASK("get", "<ping xmlns='other'/>"), REFUSAL("service-unavailable"));
    expect(ASK("get", ""), REFUSAL("service-unavailable"));
    expect(ASK("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"), REFUSAL("item-not-found"));
}

static void is_silent_where_an_answer_is_wrong(void **state)
{
    static const char *const stanzas[] = {
        ASK("result", "<ping xmlns='urn:xmpp:ping'/>"),
        ASK("error", "<ping xmlns='urn:xmpp:ping'/>"),
        ASK("other", "<ping xmlns='urn:xmpp:ping'/>"),
        "<iq id='1' from='a@x'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' from='a@x'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq xmlns='jabber:client' type='get' id='1' from='a@x'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<message type='get' id='1' from='a@x'><body>hello</body></message>",
        "<presence type='subscribe' id='1' from='a@x'/>",
        "<iq type='get' id='line&#10;break' from='a@x'><ping xmlns='urn:xmpp:ping'/></iq>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++)
        expect(stanzas[i], "");
}

static void drops_the_answer_when_there_is_no_room(void **state)
{
    (void)state;
    const struct inbound_config config = {.component = "registrar.example.org", .version = "1"};
    struct tree *tree = tree_of(ASK("get", "<ping xmlns='urn:xmpp:ping'/>"));
    struct buf reply;
    buf_init(&reply, 20);
    inbound_answer(&config, tree->root, &reply);
    assert_int_equal(reply.length, 0);
    buf_free(&reply);
    tree_free(&tree);
}

#define INFO  "http://jabber.org/protocol/disco#info"
#define ITEMS "http://jabber.org/protocol/disco#items"
#define LIST  "http://jabber.org/protocol/commands"

static void shows_the_commands(void **state)
{
    (void)state;
    expect_of(&offering, ASK("get", "<query xmlns='" INFO "'/>"),
              ANSWER("><query xmlns=\"" INFO "\">"
                     "<identity type=\"generic\" category=\"component\" name=\"Registrar\"/>"
                     "<identity type=\"command-list\" category=\"automation\" name=\"Commands\"/>"
                     "<feature var=\"" INFO "\"/><feature var=\"" ITEMS "\"/>"
                     "<feature var=\"urn:xmpp:ping\"/><feature var=\"jabber:iq:version\"/>"
                     "<feature var=\"" LIST "\"/><feature var=\"jabber:iq:register\"/></query></iq>"));
    expect_of(&offering, ASK("get", "<query xmlns='" ITEMS "' node='" LIST "'/>"),
              ANSWER("><query xmlns=\"" ITEMS "\" node=\"" LIST "\">"
                     "<item jid=\"registrar.example.org\" name=\"My &lt;devices&gt;\" node=\"list\"/>"
                     "<item jid=\"registrar.example.org\" name=\"Bind\" node=\"bind\"/></query></iq>"));
    expect_of(&offering, ASK("get", "<query xmlns='" INFO "' node='" LIST "'/>"),
              ANSWER("><query xmlns=\"" INFO "\" node=\"" LIST "\">"
                     "<identity type=\"command-list\" category=\"automation\" name=\"Commands\"/>"
                     "<feature var=\"" LIST "\"/><feature var=\"jabber:x:data\"/></query></iq>"));
    expect_of(&offering, ASK("get", "<query xmlns='" INFO "' node='bind'/>"),
              ANSWER("><query xmlns=\"" INFO "\" node=\"bind\">"
                     "<identity type=\"command-node\" category=\"automation\" name=\"Bind\"/>"
                     "<feature var=\"" LIST "\"/><feature var=\"jabber:x:data\"/></query></iq>"));
    expect_of(&offering, ASK("get", "<query xmlns='" ITEMS "' node='bind'/>"),
              ANSWER("><query xmlns=\"" ITEMS "\" node=\"bind\"/></iq>"));
    expect_of(&offering, ASK("get", "<query xmlns='" ITEMS "' node='other'/>"), REFUSAL("item-not-found"));
    expect_of(&offering, ASK("get", "<query xmlns='jabber:iq:version' node='bind'/>"), REFUSAL("item-not-found"));
    expect(ASK("get", "<query xmlns='" ITEMS "' node='" LIST "'/>"), REFUSAL("item-not-found"));
}

static void leaves_commands_to_who_offers_them(void **state)
{
    static const struct {
        const char *stanza;
        bool taken; /* by somebody else */
    } cases[] = {
        {ASK("set", "<command xmlns='" LIST "' node='list'/>"), true},
        {ASK("set", "<command xmlns='" LIST "'/>"), true},
        {"<iq type='set' id='7' from='a@x/r'><command xmlns='" LIST "'/></iq>", true},
        {ASK("get", "<command xmlns='" LIST "' node='list'/>"), false},
        {ASK("result", "<command xmlns='" LIST "' node='list'/>"), false},
        {ASK("set", "<command xmlns='other' node='list'/>"), false},
        {"<iq type='set' id='7' from='a@x' to='u@registrar.example.org'><command xmlns='" LIST "'/></iq>", false},
        {"<iq type='set' id='7'><command xmlns='" LIST "'/></iq>", false},
        {"<iq type='set' from='a@x'><command xmlns='" LIST "'/></iq>", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tree *tree = tree_of(cases[i].stanza);
        struct buf reply;
        buf_init(&reply, 4096);
        assert_int_equal(inbound_answer(&offering, tree->root, &reply), !cases[i].taken);
        if (cases[i].taken)
            assert_int_equal(reply.length, 0);
        buf_clear(&reply);
        assert_true(inbound_answer(&plain, tree->root, &reply)); /* where nothing is offered it is an error */
        buf_free(&reply);
        tree_free(&tree);
    }
}

static void tells_how_to_register(void **state)
{
    (void)state;
    expect_of(&offering, ASK("get", "<query xmlns='jabber:iq:register'/>"),
              ANSWER("><query xmlns=\"jabber:iq:register\"><instructions>In the &lt;app&gt;.</instructions>"
                     "<x xmlns=\"jabber:x:oob\"><url>https://example.org/?a&amp;b</url></x></query></iq>"));
    expect_of(&offering, ASK("set", "<query xmlns='jabber:iq:register'><username>x</username></query>"),
              REFUSAL("not-allowed"));
    expect(ASK("get", "<query xmlns='jabber:iq:register'/>"), REFUSAL("service-unavailable"));
    expect(ASK("set", "<query xmlns='jabber:iq:register'/>"), REFUSAL("service-unavailable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_info),
        cmocka_unit_test(answers_items),
        cmocka_unit_test(answers_ping),
        cmocka_unit_test(answers_version),
        cmocka_unit_test(answers_as_who_was_asked),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(is_silent_where_an_answer_is_wrong),
        cmocka_unit_test(drops_the_answer_when_there_is_no_room),
        cmocka_unit_test(shows_the_commands),
        cmocka_unit_test(leaves_commands_to_who_offers_them),
        cmocka_unit_test(tells_how_to_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
