/* What becomes of bytes, the ways they can be cut into pieces, and what ends a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "tests/unit/xmpp/parser_fixture.h"
#include "xmpp/ns.h"

static void expect_refused(struct seen *seen, const char *text, const char *reason)
{
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(feed(seen, text), ERR_XMPP);
    assert_string_equal(parser_reason(seen->parser), reason);
    assert_int_equal(seen->stanzas, 0);
    assert_int_equal(feed(seen, "<iq/>"), ERR_XMPP); /* and stays so */
    assert_int_equal(seen->stanzas, 0);
}

static void builds_a_tree(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(seen->opened, 1);
    assert_string_equal(seen->id, "42");
    assert_int_equal(feed(seen, "<iq type='result' id='a&amp;b' xml:lang='en'><p:query xmlns:p='jabber:iq:roster'>"
                                "one<p:item jid='&lt;x&#x41;&gt;'/>two<![CDATA[<&>]]>"
                                "<group xmlns='other'>g</group></p:query></iq>"),
                     OK);
    assert_int_equal(seen->stanzas, 1);
    const struct element *iq = seen->last->root;
    assert_true(element_is(iq, NS_COMPONENT, "iq"));
    assert_int_equal(iq->attribute_count, 2); /* without xml:lang */
    assert_string_equal(element_attribute(iq, "id"), "a&b");
    assert_null(element_attribute(iq, "lang"));
    assert_string_equal(element_attribute_or_empty(iq, "to"), "");
    const struct element *query = element_child(iq, NS_ROSTER, "query");
    assert_non_null(query);
    assert_string_equal(query->text, "onetwo<&>");
    const struct element *item = element_child(query, NS_ROSTER, "item");
    assert_string_equal(element_attribute(item, "jid"), "<xA>");
    assert_string_equal(item->text, "");
    assert_null(element_child(query, NS_ROSTER, "group"));
    assert_string_equal(element_find(iq, "other", "group")->text, "g");
    assert_null(element_find(iq, "other", "item"));
}

static void one_byte_at_a_time(void **state)
{
    struct seen *seen = *state;
    const char *all = HEADER " \n<message><body>h\xc3\xa4llo &amp; more</body></message>\t"
                             "<iq id='1'/><presence></presence></stream:stream>trailing <!DOCTYPE x>";
    for (const char *c = all; *c != '\0'; c++)
        assert_int_equal(parser_feed(seen->parser, c, 1), OK);
    assert_int_equal(seen->opened, 1);
    assert_int_equal(seen->stanzas, 3);
    assert_int_equal(seen->closed, 1);
}

static void reports_a_stanza_with_its_last_byte(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER "<iq id='1'><a/></iq"), OK);
    assert_int_equal(seen->stanzas, 0);
    assert_int_equal(feed(seen, ">"), OK);
    assert_int_equal(seen->stanzas, 1);
}

static void refuses_what_xmpp_forbids(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"<?php echo?>", "a processing instruction"},
        {"<iq><?x y?></iq>", "a processing instruction"},
        {"<!-- hello -->", "a comment"},
        {"<iq><!-- hello --></iq>", "a comment"},
        {"<iq></message>", "mismatched tag"},
        {"\x01", "not well-formed (invalid token)"},
        {"&#1;", "reference to invalid character number"},
        {"</stream:stream \x01>", "not well-formed (invalid token)"},
        {"text", "text between stanzas"},
        {"<!DOCTYPE x []>", "a DTD"}, /* behind the root element XML itself forbids it */
        {"<![cdata[x]]>", "a DTD"},
        {"<stream:stream id='2'>", "a second stream header"},
        {"<x:stream xmlns:x='http://etherx.jabber.org/streams'/>", "a second stream header"},
        {"<iq><![CDATA[x]]></a>", "mismatched tag"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen *seen = NULL;
        seen_setup((void **)&seen);
        expect_refused(seen, rows[i].text, rows[i].reason);
        seen_teardown((void **)&seen);
    }
    (void)state;
}

static void knows_what_has_not_ended(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(parser_unfinished(seen->parser), 0);
    static const struct {
        const char *text;
        uint64_t unfinished;
    } rows[] = {
        {"<", 1},        {"iq>", 1},
        {"<a/>", 1},     {"</iq", 1},
        {">", 0},        {" \n", 0},
        {"<iq/><iq", 3}, {"/>", 0},
        {"<iq>", 4},     {"</iq><message><stream:stream>", 5},
        {"</st", 5},     {"ream:stream>", 5},
        {"<i>\x01", 5}, /* skipped from here */
        {"<b><c>", 5},   {"</c></b></i></message>", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(feed(seen, rows[i].text), OK);
        assert_int_equal(parser_unfinished(seen->parser), rows[i].unfinished);
    }
    assert_int_equal(seen->stanzas, 4);
    assert_int_equal(seen->skipped, 1);
}

static void refuses_a_dtd_and_its_bombs(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'aaaaaaaaaa'>"
                                "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><stream:stream "
                                "xmlns:stream='http://etherx.jabber.org/streams'><iq>&b;</iq>"),
                     ERR_XMPP);
    assert_string_equal(parser_reason(seen->parser), "a DTD");
    assert_int_equal(seen->opened, 0);
}

static void ignores_another_encoding_in_the_declaration(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, "<?xml version='1.0' encoding='ISO-8859-1'?><stream:stream "
                                "xmlns:stream='http://etherx.jabber.org/streams'><a>\xc3\xa4</a>"),
                     OK);
    assert_string_equal(seen->last->root->text, "\xc3\xa4");
}

static void bounds_the_header(void **state)
{
    struct seen *seen = *state;
    char piece[1024];
    memset(piece, ' ', sizeof piece);
    size_t fed = 0;
    assert_int_equal(feed(seen, "<?xml version='1.0'?>"), OK);
    while (parser_feed(seen->parser, piece, sizeof piece) == OK)
        fed += sizeof piece;
    assert_in_range(fed, PARSER_TAG_MAX - 2 * sizeof piece, PARSER_TAG_MAX);
    assert_string_equal(parser_reason(seen->parser), "a header over 64 KiB");
}

/* 8 MiB of names that were never seen before: the memory does not grow with them. */
static void forgets_names(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER), OK);
    char text[128];
    size_t fed = 0;
    size_t before = 0;
    for (unsigned i = 0; fed < 8 * PARSER_RENEW_AFTER; i++) {
        int length = snprintf(text, sizeof text, "<iq><name%u attribute%u='1' xmlns='ns:%u'/></iq>\n", i, i, i);
        fed += (size_t)length;
        assert_int_equal(parser_feed(seen->parser, text, (size_t)length), OK);
        if (fed > 2 * PARSER_RENEW_AFTER && before == 0)
            before = mallinfo2().uordblks;
    }
#ifndef __SANITIZE_ADDRESS__ /* which has a heap of its own that mallinfo2 does not see */
    assert_true(mallinfo2().uordblks < before + 4 * PARSER_RENEW_AFTER);
#endif
    assert_int_equal(seen->opened, 1);
    assert_string_equal(seen->last->root->ns, NS_COMPONENT); /* the namespaces of the header still hold */
    assert_int_equal(feed(seen, "<stream:error/></stream:stream>"), OK);
    assert_string_equal(seen->last->root->ns, NS_STREAM);
    assert_int_equal(seen->closed, 1);
}

/* A stanza that is half there when the parser would be renewed. */
static void renews_only_between_stanzas(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER), OK);
    char *text = stanza_of(PARSER_RENEW_AFTER / 2);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(feed(seen, "<iq id='half"), OK);
        assert_int_equal(feed(seen, "way'>"), OK);
        assert_int_equal(feed(seen, text), OK);
        assert_int_equal(feed(seen, "</iq><iq id='next'>"), OK);
        assert_string_equal(element_attribute(seen->last->root, "id"), "halfway");
        assert_int_equal(feed(seen, "</iq>"), OK);
    }
    assert_int_equal(seen->stanzas, 10);
    assert_string_equal(element_attribute(seen->last->root, "id"), "next");
    free(text);
}

static void a_handler_can_refuse(void **state)
{
    struct seen *seen = *state;
    seen->refuse_stanza = true;
    assert_int_equal(feed(seen, HEADER "<iq/><iq/>"), ERR_XMPP);
    assert_string_equal(parser_reason(seen->parser), "not wanted");
    assert_int_equal(seen->stanzas, 1);
}

static void names_error_conditions(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER "<iq type='error'><error type='cancel'>"
                                       "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text>"
                                       "<x xmlns='other'/>"
                                       "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"),
                     OK);
    assert_string_equal(element_error_condition(seen->last->root), "conflict");
    assert_int_equal(feed(seen, "<iq type='error'/>"), OK);
    assert_string_equal(element_error_condition(seen->last->root), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, seen_setup, seen_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(builds_a_tree),
        TEST(one_byte_at_a_time),
        TEST(reports_a_stanza_with_its_last_byte),
        TEST(refuses_what_xmpp_forbids),
        TEST(knows_what_has_not_ended),
        TEST(refuses_a_dtd_and_its_bombs),
        TEST(ignores_another_encoding_in_the_declaration),
        TEST(bounds_the_header),
        TEST(forgets_names),
        TEST(renews_only_between_stanzas),
        TEST(a_handler_can_refuse),
        TEST(names_error_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
