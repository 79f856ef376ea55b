/* The parser's limits, each from both sides. What passes one, or is no XML, costs its stanza alone: the next one is
 * taken. Everything is fed in pieces of several sizes, because a limit may be passed anywhere in one; in the smallest
 * ones only what is short, because expat looks at a tag anew with each piece of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

#include "component/base/buf.h"
#include "tests/unit/xmpp/parser_fixture.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static const size_t pieces[] = {1, 7, 1000, 16 * 1024, SIZE_MAX};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

static bool is_too_slow(size_t piece, const char *stanza)
{
    return strlen(stanza) / piece > 8 * 1000;
}

static enum err feed_in(struct seen *seen, const char *text, size_t length, size_t piece)
{
    enum err err = OK;
    for (size_t at = 0; at < length && err == OK; at += piece < length - at ? piece : length - at)
        err = parser_feed(seen->parser, text + at, piece < length - at ? piece : length - at);
    return err;
}

/* The stanza between two others: they are reported, it is skipped for this reason and with this root. */
static void expect_skipped_in(size_t piece, const char *stanza, const char *reason, const char *id)
{
    struct seen *seen = NULL;
    seen_setup((void **)&seen);
    assert_int_equal(feed(seen, HEADER "<iq id='before'/>"), OK);
    assert_int_equal(feed_in(seen, stanza, strlen(stanza), piece), OK);
    assert_int_equal(seen->stanzas, 1);
    assert_int_equal(seen->skipped, 1);
    assert_string_equal(seen->reason, reason);
    assert_string_equal(seen->skipped_id, id);
    assert_int_equal(feed(seen, "\n<iq id='after'><a>text</a></iq>"), OK);
    assert_int_equal(seen->stanzas, 2);
    assert_string_equal(element_attribute(seen->last->root, "id"), "after");
    assert_string_equal(seen->last->root->ns, NS_COMPONENT);
    assert_string_equal(seen->last->root->first->text, "text");
    assert_int_equal(seen->opened, 1);
    assert_int_equal(feed(seen, "</stream:stream>"), OK);
    assert_int_equal(seen->closed, 1);
    assert_int_equal(seen->skipped, 1);
    seen_teardown((void **)&seen);
}

static void expect_skipped(const char *stanza, const char *reason, const char *id)
{
    for (size_t i = 0; i < PIECES; i++)
        if (!is_too_slow(pieces[i], stanza))
            expect_skipped_in(pieces[i], stanza, reason, id);
}

static void expect_taken(const char *stanza)
{
    for (size_t i = 0; i < PIECES; i++) {
        struct seen *seen = NULL;
        if (is_too_slow(pieces[i], stanza))
            continue;
        seen_setup((void **)&seen);
        assert_int_equal(feed(seen, HEADER), OK);
        assert_int_equal(feed_in(seen, stanza, strlen(stanza), pieces[i]), OK);
        assert_int_equal(seen->stanzas, 1);
        assert_int_equal(seen->skipped, 0);
        seen_teardown((void **)&seen);
    }
}

static struct buf text_new(void)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    return text;
}

static void fill(struct buf *text, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_putc(text, c);
}

/* A stanza so deep, its own element and the stream included. */
static void nest(struct buf *text, unsigned depth)
{
    buf_puts(text, "<iq id='x'>");
    for (unsigned i = 2; i < depth; i++)
        buf_puts(text, "<a>");
    for (unsigned i = 2; i < depth; i++)
        buf_puts(text, "</a>");
    buf_puts(text, "</iq>");
}

static void depth(void **state)
{
    (void)state;
    struct buf text = text_new();
    nest(&text, PARSER_DEPTH_MAX);
    expect_taken(buf_cstr(&text));
    buf_clear(&text);
    nest(&text, PARSER_DEPTH_MAX + 1);
    expect_skipped(buf_cstr(&text), "elements too deep", "x");
    buf_clear(&text);
    nest(&text, 100 * 1000);
    expect_skipped_in(1000, buf_cstr(&text), "elements too deep", "x");
    buf_free(&text);
}

static void write_attributes(struct buf *text, unsigned count, bool declarations)
{
    buf_puts(text, "<a");
    for (unsigned i = 0; i < count; i++)
        buf_printf(text, declarations ? " xmlns:n%u='u:%u'" : " a%u=\"%u'/>\"", i, i);
    buf_puts(text, "/>");
}

static void attributes(void **state)
{
    (void)state;
    struct buf text = text_new();
    for (int declarations = 0; declarations < 2; declarations++) {
        buf_puts(&text, "<iq id='x'>");
        write_attributes(&text, PARSER_ATTRIBUTES_MAX, declarations);
        write_attributes(&text, PARSER_ATTRIBUTES_MAX, declarations); /* counted anew for each */
        buf_puts(&text, "</iq>");
        expect_taken(buf_cstr(&text));
        buf_clear(&text);
        buf_puts(&text, "<iq id='x'>");
        write_attributes(&text, PARSER_ATTRIBUTES_MAX + 1, declarations);
        buf_puts(&text, "</iq>");
        expect_skipped(buf_cstr(&text), "an element with too many attributes", "x");
        buf_clear(&text);
    }
    write_attributes(&text, PARSER_ATTRIBUTES_MAX + 1, false);
    expect_skipped(buf_cstr(&text), "an element with too many attributes", "-");
    buf_free(&text);
}

static void elements(void **state)
{
    (void)state;
    struct buf text = text_new();
    buf_puts(&text, "<iq id='x'>");
    for (unsigned i = 1; i < PARSER_ELEMENTS_MAX; i++)
        buf_puts(&text, "<a/>");
    buf_puts(&text, "</iq>");
    expect_taken(buf_cstr(&text));
    text.length -= strlen("</iq>");
    buf_puts(&text, "<a/><a/></iq>");
    expect_skipped(buf_cstr(&text), "a stanza of too many elements", "x");
    buf_free(&text);
}

/* `size` bytes of a tag, in all. */
static void write_tag(struct buf *text, size_t size)
{
    buf_puts(text, "<a b='");
    fill(text, 'x', size - strlen("<a b='c'/>") + 1);
    buf_puts(text, "'/>");
}

static void a_tag(void **state)
{
    (void)state;
    struct buf text = text_new();
    write_tag(&text, PARSER_TAG_MAX);
    expect_taken(buf_cstr(&text));
    buf_clear(&text);
    write_tag(&text, PARSER_TAG_MAX + 1);
    expect_skipped(buf_cstr(&text), "a tag over 64 KiB", "-");
    buf_clear(&text);
    buf_puts(&text, "<message id='x'>");
    write_tag(&text, 100 * 1024);
    write_tag(&text, 100 * 1024);
    buf_puts(&text, "</message>");
    expect_skipped(buf_cstr(&text), "a tag over 64 KiB", "x");
    buf_clear(&text);
    buf_puts(&text, "<message id='x'><a></a");
    fill(&text, ' ', PARSER_TAG_MAX);
    buf_puts(&text, "></message>");
    expect_skipped(buf_cstr(&text), "a tag over 64 KiB", "x");
    buf_free(&text);
}

/* More than any server lets its users send; our memory stays what it was. */
static void a_tag_of_any_size(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER "<message id='x'><a b=\""), OK);
    char piece[16 * 1024];
    memset(piece, '>', sizeof piece);
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < 256 * 1024 * 1024 / sizeof piece; i++)
        assert_int_equal(parser_feed(seen->parser, piece, sizeof piece), OK);
#ifndef __SANITIZE_ADDRESS__ /* which has a heap of its own that mallinfo2 does not see */
    assert_true(mallinfo2().uordblks < before.uordblks + 1024 * 1024);
#else
    (void)before;
#endif
    assert_int_equal(feed(seen, "\"/></message><iq/>"), OK);
    assert_int_equal(seen->skipped, 1);
    assert_int_equal(seen->stanzas, 1);
}

static void a_stanza(void **state)
{
    struct seen *seen = *state;
    char *text = stanza_of(PARSER_STANZA_MAX);
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(feed(seen, text), OK);
    assert_int_equal(seen->stanzas, 1);
    assert_int_equal(strlen(seen->last->root->first->text), PARSER_STANZA_MAX - 14);
    free(text);
    text = stanza_of(PARSER_STANZA_MAX + 1);
    expect_skipped(text, "a stanza over 4 MiB", "");
    free(text);
    text = stanza_of(3 * PARSER_STANZA_MAX);
    expect_skipped(text, "a stanza over 4 MiB", "");
    free(text);
}

/* Whichever byte is the first over it. */
static void a_stanza_that_passes_the_limit_anywhere(void **state)
{
    (void)state;
    static const char end[] = "<a b='>' c=\"/>\"/>&lt;<![CDATA[<x>]]]><b><c/></b></m>";
    struct buf text = text_new();
    static char text_of[PARSER_STANZA_MAX];
    memset(text_of, 'x', sizeof text_of);
    for (size_t cut = 1; cut < sizeof end; cut++) {
        buf_clear(&text);
        buf_puts(&text, "<m id='x'>");
        buf_append(&text, text_of, PARSER_STANZA_MAX + cut - strlen("<m id='x'>") - strlen(end));
        buf_puts(&text, end);
        expect_skipped_in(SIZE_MAX, buf_cstr(&text), "a stanza over 4 MiB", "x");
    }
    buf_free(&text);
}

static void a_stanza_is_reported_as_soon_as_it_is_over(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER "<m id='x'>"), OK);
    char piece[1024];
    memset(piece, 'x', sizeof piece);
    size_t fed = 0;
    while (seen->skipped == 0) {
        assert_int_equal(parser_feed(seen->parser, piece, sizeof piece), OK);
        fed += sizeof piece;
    }
    assert_in_range(fed, PARSER_STANZA_MAX - sizeof piece, PARSER_STANZA_MAX + sizeof piece);
    assert_string_equal(seen->skipped_id, "x");
}

/* Things in a skipped stanza that look like its end. */
static void only_the_end_is_the_end(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "<m/>",
        "<m></m>",
        "<m a='</b></iq>'/>",
        "<m a=\"'/>'</iq>\"></m>",
        "<![CDATA[</b></iq>]]>",
        "<![CDATA[]]]]>",
        "<![CDATA[<m>]]]]]>",
        "<![CDATA[]>]]>",
        "<m a='/'></m>",
        "<m a=''/>",
        "</b ><b>",
        "&lt;/b&gt;",
        "<m\n/>",
        "<iq><b><iq/></b></iq>",
    };
    struct buf text = text_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&text);
        buf_puts(&text, "<iq id='x'>");
        write_attributes(&text, PARSER_ATTRIBUTES_MAX + 1, false);
        buf_printf(&text, "<b>%s</b></iq>", rows[i]);
        expect_skipped(buf_cstr(&text), "an element with too many attributes", "x");
    }
    buf_free(&text);
}

/* What a server may pass on because its own parser takes it, and what would be its own fault. */
static void what_is_no_xml(void **state)
{
    (void)state;
    static const char token[] = "not well-formed (invalid token)";
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"\xef\xbf\xbf", token},          /* U+FFFF */
        {"<a b='\xef\xbf\xbe'/>", token}, /* U+FFFE */
        {"<\xe2\xa0\x81/>", token},       /* U+2801, which is not for names */
        {"<a \xe2\xa0\x81='b'/>", token},
        {"\x01", token},
        {"<a b='\x1f'></a>", token},
        {"\xff", token},
        {"\xc0\x80", token},
        {"\xed\xa0\x80", token},
        {"<a b='<'/>", token},
        {"<a b=c/>", token},
        {"&#1;", "reference to invalid character number"},
        {"<a b='&#xFFFF;'/>", "reference to invalid character number"},
        {"&unknown;", "undefined entity"},
        {"<a b='1' b='2'/>", "duplicate attribute"},
        {"<a xmlns:p='x' xmlns:q='x' p:b='1' q:b='2'/>", "duplicate attribute"},
        {"<p:a/>", "unbound prefix"},
        {"<a xmlns:p=''/>", "must not undeclare prefix"},
        {"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
         "prefix must not be bound to one of the reserved namespace names"},
    };
    struct buf text = text_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&text);
        buf_printf(&text, "<iq id='x'><b>%s</b>&lt;<c d='/>'/></iq>", rows[i].text);
        expect_skipped(buf_cstr(&text), rows[i].reason, "x");
    }
    expect_skipped("<iq id='\x01'/>", token, "-");
    expect_skipped("<p:iq id='x'><b/></p:iq>", "unbound prefix", "-");
    buf_free(&text);
}

static void over_a_limit(struct buf *text)
{
    buf_clear(text);
    buf_puts(text, "<iq id='x'>");
    write_attributes(text, PARSER_ATTRIBUTES_MAX + 1, false);
}

/* Skipping does not mean that anything goes. */
static void what_xmpp_forbids_still_ends_the_stream(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"<!-- x -->", "a comment"},  {"<?x?>", "a processing instruction"}, {"<!DOCTYPE x>", "a DTD"},
        {"<!ENTITY x 'y'>", "a DTD"}, {"</iq>text", "text between stanzas"}, {"</iq><iq></a>", "mismatched tag"}};
    struct buf text = text_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen *seen = NULL;
        seen_setup((void **)&seen);
        over_a_limit(&text);
        buf_puts(&text, rows[i].text);
        assert_int_equal(feed(seen, HEADER), OK);
        assert_int_equal(feed(seen, buf_cstr(&text)), ERR_XMPP);
        assert_string_equal(parser_reason(seen->parser), rows[i].reason);
        seen_teardown((void **)&seen);
    }
    buf_free(&text);
}

static void what_is_not_well_formed_before_the_limit_ends_the_stream(void **state)
{
    struct seen *seen = *state;
    struct buf text = text_new();
    buf_puts(&text, "<iq><a></b>");
    write_attributes(&text, PARSER_ATTRIBUTES_MAX + 1, false);
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(feed(seen, buf_cstr(&text)), ERR_XMPP);
    assert_string_equal(parser_reason(seen->parser), "mismatched tag");
    assert_int_equal(seen->skipped, 0);
    buf_free(&text);
}

static void an_entity_without_end(void **state)
{
    struct seen *seen = *state;
    assert_int_equal(feed(seen, HEADER "<m>&"), OK);
    char piece[1024];
    memset(piece, 'x', sizeof piece);
    size_t fed = 0;
    while (parser_feed(seen->parser, piece, sizeof piece) == OK)
        fed += sizeof piece;
    assert_in_range(fed, PARSER_TAG_MAX - 2 * sizeof piece, PARSER_TAG_MAX + 1);
    assert_string_equal(parser_reason(seen->parser), "an entity that does not end");
}

/* Whatever is skipped, it must end some day. */
static void a_stanza_without_end(void **state)
{
    struct seen *seen = *state;
    static char piece[1024 * 1024];
    memset(piece, 'x', sizeof piece);
    assert_int_equal(feed(seen, HEADER "<m>"), OK);
    uint64_t fed = 0;
    while (parser_feed(seen->parser, piece, sizeof piece) == OK)
        fed += sizeof piece;
    assert_in_range(fed, PARSER_SKIPPED_MAX - 2 * sizeof piece, PARSER_SKIPPED_MAX);
    assert_string_equal(parser_reason(seen->parser), "a stanza over 1 GiB");
    assert_int_equal(seen->skipped, 1);
}

/* Tens of thousands of stanzas without a byte between two, as a flood brings them; every second one is skipped. */
static void a_flood_without_a_pause(void **state)
{
    struct seen *seen = *state;
    struct buf text = text_new();
    over_a_limit(&text);
    buf_puts(&text, "</iq><iq><name a='1' xmlns='ns:1'/></iq>");
    assert_int_equal(feed(seen, HEADER "<iq>"), OK);
    const unsigned rounds = 20 * 1000;
    for (unsigned i = 0; i < rounds; i++) { /* pieces that never end where a stanza does */
        assert_int_equal(parser_feed(seen->parser, "</iq>", 5), OK);
        assert_int_equal(feed(seen, buf_cstr(&text)), OK);
        assert_int_equal(feed(seen, "<iq>"), OK);
    }
    assert_int_equal(seen->skipped, rounds);
    assert_int_equal(seen->stanzas, 2 * rounds);
    buf_free(&text);
}

static void large_stanzas_without_a_pause(void **state)
{
    struct seen *seen = *state;
    char *text = stanza_of(PARSER_RENEW_AFTER);
    assert_int_equal(feed(seen, HEADER "<iq>"), OK);
    for (unsigned i = 0; i < 100; i++) { /* each piece ends one stanza and begins the next */
        assert_int_equal(feed(seen, text), OK);
        assert_int_equal(feed(seen, "</iq><iq>"), OK);
    }
    assert_int_equal(seen->stanzas, 100);
    free(text);
}

static void a_handler_can_refuse_what_is_skipped(void **state)
{
    struct seen *seen = *state;
    struct buf text = text_new();
    over_a_limit(&text);
    seen->refuse_stanza = true;
    assert_int_equal(feed(seen, HEADER), OK);
    assert_int_equal(feed(seen, buf_cstr(&text)), ERR_XMPP);
    assert_string_equal(parser_reason(seen->parser), "not wanted");
    assert_int_equal(feed(seen, "</iq><iq/>"), ERR_XMPP);
    assert_int_equal(seen->stanzas, 0);
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, seen_setup, seen_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(depth),
        TEST(attributes),
        TEST(elements),
        TEST(a_tag),
        TEST(a_tag_of_any_size),
        TEST(a_stanza),
        TEST(a_stanza_that_passes_the_limit_anywhere),
        TEST(a_stanza_is_reported_as_soon_as_it_is_over),
        TEST(only_the_end_is_the_end),
        TEST(what_is_no_xml),
        TEST(what_xmpp_forbids_still_ends_the_stream),
        TEST(what_is_not_well_formed_before_the_limit_ends_the_stream),
        TEST(an_entity_without_end),
        TEST(a_stanza_without_end),
        TEST(a_flood_without_a_pause),
        TEST(large_stanzas_without_a_pause),
        TEST(a_handler_can_refuse_what_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
